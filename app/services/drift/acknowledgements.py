"""Who has seen a finding. It hides nothing: the stack stays drifted, people know of it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.clock import utc_now
from app.domain.drift import ChangeKind
from app.domain.drift_rules import MAX_PATTERN
from app.domain.permissions import Right
from app.errors import ValidationError
from app.models import DriftFinding, DriftRule
from app.services import audit
from app.services.drift.queries import finding_by_id
from app.services.drift.rules import NewRule, RuleScope, create_rule
from app.services.work import Work


def acknowledge(work: Work, finding_id: str, note: str | None) -> DriftFinding:
    """Note that the caller has seen a finding; it lapses when the values change.

    Raises:
        NotFoundError, PermissionDeniedError: as ``finding_by_id``; it needs ``stack:write``.
    """
    row = finding_by_id(work.session, work.principal, finding_id, Right.STACK_WRITE)
    row.acknowledged_at, row.acknowledged_by = utc_now(), work.principal.name
    row.acknowledged_note = note
    _record(work, "drift_finding.acknowledge", row)
    return row


def withdraw(work: Work, finding_id: str) -> None:
    """Take an acknowledgement back; without one nothing happens.

    Raises:
        NotFoundError, PermissionDeniedError: as ``acknowledge``.
    """
    row = finding_by_id(work.session, work.principal, finding_id, Right.STACK_WRITE)
    if row.acknowledged_at is None:
        return
    row.acknowledged_at = row.acknowledged_by = row.acknowledged_note = None
    _record(work, "drift_finding.withdraw", row)


def ignore(
    work: Work,
    finding_id: str,
    reason: str,
    path: str | None = None,
    expires_at: datetime | None = None,
) -> DriftRule:
    """Make a rule from a finding: for its stack, resource type, kind of change and attributes.

    Args:
        work: of who asks, and owns the rule.
        finding_id: which finding.
        reason: why it may be hidden.
        path: pattern for the attributes of an update; without it what their paths begin with.
        expires_at: when the rule ends.

    Raises:
        NotFoundError, PermissionDeniedError: as ``acknowledge``.
        ValidationError: the time is over or too far away, or several attributes differ that have
            nothing in common and no path is given.
    """
    row = finding_by_id(work.session, work.principal, finding_id, Right.STACK_WRITE)
    is_update = row.change == ChangeKind.UPDATED
    if path is not None and not is_update:
        raise ValidationError.at("/path", f"What was {row.change} has no attributes to choose.")
    scope = RuleScope(
        stack=row.stack_id,
        resource_type=row.type,
        change=row.change,
        path=path or (_common(row.attributes) if is_update else None),
    )
    return create_rule(
        work,
        NewRule(row.stack.project_id, reason, scope, expires_at=expires_at),
    )


def _common(attributes: Sequence[Mapping[str, Any]]) -> str:
    """Return a pattern for paths with a common beginning; one alone is meant literally."""
    paths = [str(item["path"]) for item in attributes]
    if len(paths) == 1 and len(paths[0]) <= MAX_PATTERN:
        return paths[0]
    first, last = min(paths), max(paths)
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    beginning = "".join(letter for letter, _ in pairs)[: MAX_PATTERN - 1]
    if not beginning:
        raise ValidationError.at(
            "/path", f"{len(paths)} attributes differ; say which may be hidden, or * for any."
        )
    return f"{beginning}*"


def _record(work: Work, action: str, row: DriftFinding) -> None:
    audit.record(
        work,
        action,
        "drift_finding",
        row.id,
        project_id=row.stack.project_id,
        stack_id=row.stack_id,
        note=row.acknowledged_note,
    )
