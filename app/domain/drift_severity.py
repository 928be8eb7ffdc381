"""How much a change made outside matters, and the word that says why. Pure rules.

Losses and replacements come first. What else changed is rated attribute by attribute, by the table
of its cloud (``severity`` in ``terraform/clouds/<cloud>.yaml``), which knows the direction too:
opening something is an alarm, closing it is none. The worst attribute decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from app import exact_json
from app.domain.drift import ChangeKind, Mending, Severity
from app.domain.redaction import SENSITIVE

EVERYBODY = ("0.0.0.0/0", "::/0")
NUMBERS = (int, float, Decimal)
LABELS = ("tags", "tags_all", "labels")
WORST_FIRST = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_POSITION = re.compile(r"\[\d+\]")

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
"""For types of resources that no table knows: words in a path that matter to security."""


class Direction(StrEnum):
    """In which direction an attribute changed."""

    ANY = "any"
    ENABLED = "enabled"
    DISABLED = "disabled"
    GAINED = "gained"
    LOST = "lost"
    RAISED = "raised"
    LOWERED = "lowered"
    OPENED = "opened"


@dataclass(frozen=True)
class SeverityRow:
    """One row: an attribute (with all in it), how it changes, and how much that matters."""

    attribute: str
    direction: Direction
    severity: Severity
    reason: str
    value: Any = None
    """With a value, only a change to it counts."""


SeverityTable = Mapping[str, tuple[SeverityRow, ...]]
"""The rows of each type of resource; the first that fits an attribute decides about it."""

NO_TABLE: SeverityTable = MappingProxyType({})


@dataclass(frozen=True)
class Rating:
    """A severity and the reason for it, in a word or two."""

    severity: Severity
    reason: str


def rate(
    kind: ChangeKind,
    attributes: Iterable[Mapping[str, Any]],
    mending: Mending | None = None,
    resource_type: str = "",
    table: SeverityTable = NO_TABLE,
) -> Rating:
    """Rate one changed resource.

    Args:
        kind: what happened to it.
        attributes: what differs, as ``{path, before, after, …}``; values may be masked.
        mending: what an apply would do about it, when that is known.
        resource_type: Terraform's type.
        table: of its cloud.
    """
    changed = list(attributes)
    if kind is ChangeKind.DELETED:
        return Rating(Severity.HIGH, "deleted")
    if mending is Mending.REPLACE or any(item.get("forces_replacement") for item in changed):
        return Rating(Severity.HIGH, "replacement")
    if kind is ChangeKind.CREATED:
        return Rating(Severity.MEDIUM, "unmanaged")
    rows = table.get(resource_type)
    ratings = [_rate_attribute(item, rows) for item in changed]
    return min(
        ratings,
        key=lambda item: WORST_FIRST.index(item.severity),
        default=Rating(Severity.MEDIUM, "changed"),
    )


def _rate_attribute(item: Mapping[str, Any], rows: tuple[SeverityRow, ...] | None) -> Rating:
    path, before, after = str(item["path"]), item.get("before"), item.get("after")
    if _root(path) in LABELS:
        return Rating(Severity.LOW, "labels only")
    for row in rows or ():
        if _is_of(path, row.attribute) and _fits(row, before, after):
            return Rating(row.severity, row.reason)
    if _is_opened(before, after):
        return Rating(Severity.HIGH, "open to everybody")
    if rows is None:
        for reason, words in SECURITY:
            if any(word in path.lower() for word in words):
                return Rating(Severity.HIGH, reason)
    return Rating(Severity.MEDIUM, "changed")


def _fits(row: SeverityRow, before: Any, after: Any) -> bool:
    if SENSITIVE in (before, after):
        return True  # nobody can tell the direction
    if row.value is not None and after != row.value:
        return False
    return row.direction is Direction.ANY or _DIRECTIONS[row.direction](before, after)


def _has_lost(one: Any, other: Any) -> bool:
    """Tell whether something of ``one`` is not in ``other``."""
    if isinstance(one, list) and isinstance(other, list):
        return any(part not in other for part in one)
    return one not in (None, "", [], {}) and other in (None, "", [], {})


def _is_more(one: Any, other: Any) -> bool:
    are_numbers = isinstance(one, NUMBERS) and isinstance(other, NUMBERS)
    return one > other if are_numbers else other is None


def _is_opened(before: Any, after: Any) -> bool:
    """Tell whether something is open to everybody that was not before."""
    old, new = exact_json.dumps(before), exact_json.dumps(after)
    return any(block in new and block not in old for block in EVERYBODY)


def _is_of(path: str, attribute: str) -> bool:
    plain = _POSITION.sub("", path)
    return plain == attribute or plain.startswith((f"{attribute}.", f"{attribute}["))


def _root(path: str) -> str:
    return path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]


_DIRECTIONS: Mapping[Direction, Callable[[Any, Any], bool]] = {
    Direction.ENABLED: lambda before, after: after is True,
    Direction.DISABLED: lambda before, after: after is False or after is None,
    Direction.LOST: _has_lost,
    Direction.GAINED: lambda before, after: _has_lost(after, before),
    Direction.RAISED: lambda before, after: _is_more(after, before),
    Direction.LOWERED: _is_more,
    Direction.OPENED: _is_opened,
}
