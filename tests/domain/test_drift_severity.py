"""How much a change made outside matters, and the word that says why."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.drift import ChangeKind, Mending, Severity
from app.domain.drift_severity import rate


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
        (ChangeKind.CREATED, [], Mending.NONE, Severity.MEDIUM, "not managed"),
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
