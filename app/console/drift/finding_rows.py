"""One thing that was changed outside, as pages show it; and what several of them mean in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.clock import utc_now
from app.domain.drift import ChangeKind, FindingEnd, Mending, Severity
from app.domain.permissions import Right
from app.models import DriftFinding
from app.services.access import Principal
from app.services.drift.findings import is_visible

WORST_FIRST = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 2}
HAPPENED = (
    (ChangeKind.DELETED, "deleted"),
    (ChangeKind.UPDATED, "changed"),
    (ChangeKind.CREATED, "created"),
)
RECONCILED = (
    (Mending.DELETE, "destroy"),
    (Mending.REPLACE, "replace"),
    (Mending.CREATE, "re-create"),
    (Mending.UPDATE, "revert"),
)
ENDED: Mapping[str, str] = {
    FindingEnd.MENDED: "reverted",
    FindingEnd.ACCEPTED: "accepted",
    FindingEnd.UNDONE: "undone in the cloud",
}
LOSING = frozenset({Mending.DELETE, Mending.REPLACE})


@dataclass(frozen=True)
class Hidden:
    """The ignore rule that hides a finding."""

    rule_id: str
    owner: str
    reason: str
    until: datetime
    version: int


@dataclass(frozen=True)
class FindingRow:
    """What differs in one resource, why it matters, since when, and who knows of it."""

    id: str
    stack_id: str
    stack_name: str
    stack_kind: str
    address: str | None
    name: str
    type: str
    change: str
    attributes: Sequence[Mapping[str, Any]]
    severity: str
    severity_reason: str
    mending: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    changed_at: datetime
    gone_since: datetime | None
    ended: str | None
    gone_operation_id: str | None
    orphaned_by: str | None
    returns: int
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    acknowledged_note: str | None
    hidden: Hidden | None
    may_act: bool

    @classmethod
    def of(cls, row: DriftFinding, principal: Principal) -> FindingRow:
        """Read a finding as the caller may see it."""
        rule = row.rule if not is_visible(row, utc_now()) else None
        return cls(
            id=row.id,
            stack_id=row.stack_id,
            stack_name=row.stack.name,
            stack_kind=row.stack.kind,
            address=row.address,
            name=row.name,
            type=row.type,
            change=row.change,
            attributes=row.attributes,
            severity=row.severity,
            severity_reason=row.severity_reason,
            mending=row.mending,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            changed_at=row.changed_at,
            gone_since=row.gone_since,
            ended=ENDED.get(row.gone_reason or ""),
            gone_operation_id=row.gone_operation_id,
            orphaned_by=row.orphaned_by,
            returns=row.returns,
            acknowledged_by=row.acknowledged_by,
            acknowledged_at=row.acknowledged_at,
            acknowledged_note=row.acknowledged_note,
            hidden=Hidden(rule.id, rule.owner, rule.reason, rule.expires_at, rule.version)
            if rule
            else None,
            may_act=principal.has(Right.STACK_WRITE, row.stack.project_id),
        )

    @property
    def is_new(self) -> bool:
        """Tell whether nobody has acknowledged it and no rule hides it."""
        return self.acknowledged_at is None and self.hidden is None and self.gone_since is None


def worst_first(findings: Iterable[FindingRow]) -> list[FindingRow]:
    """Sort by severity, what rules hide last; the oldest first among equals."""
    return sorted(
        findings,
        key=lambda item: (item.hidden is not None, WORST_FIRST.get(Severity(item.severity), 9)),
    )


def say_what_happened(findings: Sequence[FindingRow]) -> str:
    """Say in words what was done outside: ``1 deleted, 2 changed``."""
    counts = Counter(item.change for item in findings)
    return ", ".join(f"{counts[kind]} {word}" for kind, word in HAPPENED if counts[kind])


def say_what_fixing_does(findings: Sequence[FindingRow]) -> str | None:
    """Say what reconciling would do about findings; ``None`` when an apply does nothing."""
    counts = Counter(item.mending for item in findings)
    said = [f"{word} {counts[mending]}" for mending, word in RECONCILED if counts[mending]]
    if not said:
        return None
    left = counts[Mending.NONE]
    rest = f"; {left} an apply does not touch" if left else ""
    return f"{', '.join(said)}{rest}"


def is_losing(findings: Sequence[FindingRow]) -> bool:
    """Tell whether reconciling would destroy or replace something."""
    return any(item.mending in LOSING for item in findings)
