"""How much a change made outside matters, and the word that says why."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.catalog.loader import load_catalog
from app.config.settings import REPOSITORY_ROOT
from app.domain.drift import ChangeKind, Mending, Severity
from app.domain.drift_severity import Direction, SeverityRow, rate
from app.domain.redaction import SENSITIVE


def differs(path: str, after: Any = "b") -> dict[str, Any]:
    return {"path": path, "before": "a", "after": after}


@pytest.mark.parametrize(
    ("kind", "attributes", "mending", "severity", "reason"),
    [
        (ChangeKind.DELETED, [], Mending.CREATE, Severity.HIGH, "deleted"),
        (ChangeKind.UPDATED, [differs("image")], Mending.REPLACE, Severity.HIGH, "replacement"),
        (ChangeKind.UPDATED, [differs("public", True)], None, Severity.HIGH, "public access"),
        (ChangeKind.UPDATED, [differs("size"), differs("bucket_policy")], None, Severity.HIGH,
         "access policy"),
        (ChangeKind.UPDATED, [differs("rule[0].source", ["0.0.0.0/0"])], None, Severity.HIGH,
         "open to everybody"),
        (ChangeKind.UPDATED, [differs("deletion_protection", False)], None, Severity.HIGH,
         "protection"),
        (ChangeKind.UPDATED, [differs("size")], Mending.UPDATE, Severity.MEDIUM, "changed"),
        (ChangeKind.CREATED, [], Mending.NONE, Severity.MEDIUM, "unmanaged"),
        (ChangeKind.UPDATED, [differs("tags.owner"), differs('tags["public key"]')], None,
         Severity.LOW, "labels only"),
        (ChangeKind.UPDATED, [differs("tags.owner"), differs("size")], None, Severity.MEDIUM,
         "changed"),
    ],
)  # fmt: skip
def test_losses_and_security_come_first_and_labels_last(
    kind: ChangeKind,
    attributes: list[dict[str, Any]],
    mending: Mending | None,
    severity: Severity,
    reason: str,
) -> None:
    rating = rate(kind, attributes, mending)
    assert (rating.severity, rating.reason) == (severity, reason)


ROWS = (
    SeverityRow("rules", Direction.OPENED, Severity.HIGH, "open to everybody"),
    SeverityRow("rules", Direction.GAINED, Severity.HIGH, "firewall"),
    SeverityRow("rules", Direction.LOST, Severity.MEDIUM, "access closed"),
    SeverityRow("logs", Direction.LOST, Severity.HIGH, "audit log"),
    SeverityRow("access.public", Direction.ENABLED, Severity.HIGH, "public access"),
    SeverityRow("access.public", Direction.ANY, Severity.LOW, "access closed"),
    SeverityRow("days", Direction.LOWERED, Severity.HIGH, "protection"),
    SeverityRow("tokens", Direction.ANY, Severity.MEDIUM, "instance metadata", value="optional"),
)
TABLE = {"a_b": ROWS}


@pytest.mark.parametrize(
    ("path", "before", "after", "severity", "reason"),
    [
        ("rules[1]", None, {"from": ["0.0.0.0/0"]}, Severity.HIGH, "open to everybody"),
        ("rules[1]", None, {"from": ["10.0.0.0/8"]}, Severity.HIGH, "firewall"),
        ("rules[0]", {"from": ["0.0.0.0/0"]}, None, Severity.MEDIUM, "access closed"),
        ("logs", ["api", "audit"], [], Severity.HIGH, "audit log"),
        ("logs", ["api", "audit"], ["api"], Severity.HIGH, "audit log"),
        ("logs[0]", "audit", None, Severity.HIGH, "audit log"),
        ("logs", ["api"], ["api", "audit"], Severity.MEDIUM, "changed"),
        ("access[0].public", False, True, Severity.HIGH, "public access"),
        ("access[0].public", True, False, Severity.LOW, "access closed"),
        ("access[0].publicity", False, True, Severity.MEDIUM, "changed"),
        ("days", 30, 7, Severity.HIGH, "protection"),
        ("days", 7, 30, Severity.MEDIUM, "changed"),
        ("days", SENSITIVE, SENSITIVE, Severity.HIGH, "protection"),
        ("tokens", "required", "optional", Severity.MEDIUM, "instance metadata"),
        ("other_secret", "a", "b", Severity.MEDIUM, "changed"),
        ("other", "10.0.0.0/8", "0.0.0.0/0", Severity.HIGH, "open to everybody"),
        ("other", "0.0.0.0/0", "10.0.0.0/8", Severity.MEDIUM, "changed"),
    ],
)
def test_the_table_of_the_cloud_knows_attribute_and_direction(
    path: str, before: Any, after: Any, severity: Severity, reason: str
) -> None:
    changed = [{"path": path, "before": before, "after": after}]
    rating = rate(ChangeKind.UPDATED, changed, None, "a_b", TABLE)
    assert (rating.severity, rating.reason) == (severity, reason)


def test_the_worst_attribute_decides() -> None:
    changed = [
        {"path": "days", "before": 7, "after": 30},
        {"path": "logs", "before": ["audit"], "after": []},
        {"path": "tags.owner", "before": "a", "after": "b"},
    ]
    assert rate(ChangeKind.UPDATED, changed, None, "a_b", TABLE).reason == "audit log"


def _types_in_modules(cloud: str) -> set[str]:
    sources = (REPOSITORY_ROOT / "terraform" / "blueprints").rglob(f"{cloud}/*.tf")
    pattern = re.compile(r'^resource "([a-z0-9_]+)"', re.MULTILINE)
    return {name for source in sources for name in pattern.findall(source.read_text())}


@pytest.mark.parametrize("cloud", sorted(load_catalog(REPOSITORY_ROOT / "terraform").clouds))
def test_every_type_that_a_module_uses_has_its_rows_or_says_that_it_needs_none(cloud: str) -> None:
    table = load_catalog(REPOSITORY_ROOT / "terraform").clouds[cloud].severities
    assert _types_in_modules(cloud) - {"terraform_data"} <= table.keys()


@pytest.mark.parametrize(
    ("cloud", "kind", "path", "before", "after", "severity", "reason"),
    [
        ("aws", "aws_eks_cluster", "enabled_cluster_log_types", ["api", "audit"], [],
         Severity.HIGH, "audit log"),
        ("aws", "aws_instance", "metadata_options[0].http_tokens", "required", "optional",
         Severity.MEDIUM, "instance metadata"),
        ("sandbox", "sandbox_network", "internet_access", True, False,
         Severity.MEDIUM, "access closed"),
        ("sandbox", "sandbox_network", "internet_access", False, True,
         Severity.HIGH, "public access"),
        ("aws", "aws_default_security_group", "ingress[0]", None,
         {"from_port": 22, "cidr_blocks": ["0.0.0.0/0"]}, Severity.HIGH, "open to everybody"),
        ("aws", "aws_iam_role", "inline_policy[1]", None, {"policy": "*"},
         Severity.HIGH, "access policy"),
    ],
)  # fmt: skip
def test_what_was_rated_wrongly_once(
    cloud: str, kind: str, path: str, before: Any, after: Any, severity: Severity, reason: str
) -> None:
    table = load_catalog(REPOSITORY_ROOT / "terraform").clouds[cloud].severities
    changed = [{"path": path, "before": before, "after": after}]
    rating = rate(ChangeKind.UPDATED, changed, None, kind, table)
    assert (rating.severity, rating.reason) == (severity, reason)
