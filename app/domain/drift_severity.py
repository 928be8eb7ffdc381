"""How much a change made outside matters, and the word that says why. Pure rules.

One table from the worst to the least; the first row that fits decides. Losses and replacements come
first, then what opens or unlocks something, labels last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.drift import ChangeKind, Mending, Severity

EVERYBODY = ("0.0.0.0/0", "::/0")
LABELS = ("tags", "tags_all", "labels")
SECURITY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("public access", ("public", "internet", "acl", "anonymous")),
    ("access policy", ("policy", "principal", "assume_role", "permission", "trust")),
    (
        "firewall",
        ("ingress", "egress", "cidr_blocks", "security_group", "firewall", "source_range"),
    ),
    ("encryption", ("encrypt", "kms", "tls", "ssl", "certificate")),
    ("secret", ("password", "secret", "token", "private_key", "access_key", "user_data")),
    ("protection", ("deletion_protection", "termination", "versioning", "backup", "retention")),
    ("audit log", ("logging", "audit", "monitoring")),
)
"""Why an attribute matters to security, and the words in its path that tell it."""


@dataclass(frozen=True)
class Rating:
    """A severity and the reason for it, in a word or two."""

    severity: Severity
    reason: str


def rate(
    kind: ChangeKind, attributes: Iterable[Mapping[str, Any]], mending: Mending | None = None
) -> Rating:
    """Rate one changed resource.

    Args:
        kind: what happened to it.
        attributes: what differs, as ``{path, before, after, …}``; values may be masked.
        mending: what an apply would do about it, when that is known.
    """
    changed = list(attributes)
    if kind is ChangeKind.DELETED:
        return Rating(Severity.HIGH, "deleted")
    if mending is Mending.REPLACE or any(item.get("forces_replacement") for item in changed):
        return Rating(Severity.HIGH, "replacement")
    if kind is ChangeKind.CREATED:
        return Rating(Severity.MEDIUM, "not managed")
    return _rate_attributes(changed)


def _rate_attributes(changed: list[Mapping[str, Any]]) -> Rating:
    others = [item for item in changed if _root(item["path"]) not in LABELS]
    if changed and not others:
        return Rating(Severity.LOW, "labels only")
    for item in others:
        if any(block in json.dumps(item.get("after")) for block in EVERYBODY):
            return Rating(Severity.HIGH, "open to everybody")
    paths = [item["path"].lower() for item in others]
    for reason, words in SECURITY:
        if any(word in path for path in paths for word in words):
            return Rating(Severity.HIGH, reason)
    return Rating(Severity.MEDIUM, "changed")


def _root(path: str) -> str:
    return path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
