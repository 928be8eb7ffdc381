"""What the timeline of a stack shows: changes, operations, drift and locks in one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.console.drift.finding_rows import ENDED
from app.console.shell.labels.families import label_for
from app.console.shell.rows import OperationRow
from app.console.stacks.parameters_form import present_parameters
from app.console.stacks.read_header import StackHeader, stack_header
from app.domain.drift import ChangeKind
from app.models import AuditEvent, DriftFinding, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.stacks.history import (
    AT_ONCE,
    StackHistory,
    may_see_history,
    parameter_changes,
    parameters_before,
    read_history,
)

DRIFTED = {
    ChangeKind.DELETED: "deleted outside Landform",
    ChangeKind.UPDATED: "changed outside Landform",
    ChangeKind.CREATED: "found unmanaged",
}


@dataclass(frozen=True)
class TimelineMoment:
    """One thing that happened.

    ``family`` and ``status`` give its mark; ``sequence`` is that of a change whose parameters can
    be had back.
    """

    at: datetime
    family: str
    status: str
    title: str
    by: str = ""
    note: str = ""
    operation: OperationRow | None = None
    finding_id: str | None = None
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sequence: int | None = None


@dataclass(frozen=True)
class ParameterComparison:
    """Parameters at two moments: those that differ, each with both values."""

    since: datetime
    until: datetime | None
    rows: list[tuple[str, Any, Any]]


@dataclass(frozen=True)
class StackTimelinePage:
    """The timeline; ``earlier`` is the moment before which the next page begins."""

    header: StackHeader
    moments: list[TimelineMoment]
    earlier: datetime | None
    comparison: ParameterComparison | None
    may_restore: bool


def read_stack_timeline(
    ctx: Context,
    principal: Principal,
    stack_id: str,
    before: datetime,
    compared: tuple[int, int] = (0, 0),
) -> StackTimelinePage:
    """Read what happened to a stack before a moment.

    Args:
        ctx: the services' context.
        principal: who asks.
        stack_id: which stack.
        before: the latest moment that is left out.
        compared: numbers of two changes before which parameters are compared; 0 for none and now.

    Raises:
        NotFoundError: no such stack or change, or the caller cannot see it.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        may_see = may_see_history(principal, stack)
        found = [*_moments(read_history(session, stack, before), may_see)]
        found.sort(key=lambda moment: moment.at, reverse=True)
        shown = found[:AT_ONCE]
        header = stack_header(ctx, session, principal, stack)
        comparison = _compare(session, stack, *compared) if may_see and compared[0] else None
    return StackTimelinePage(
        header=header,
        moments=shown,
        earlier=shown[-1].at if len(found) > AT_ONCE else None,
        comparison=comparison,
        may_restore=header.may_write and not header.is_deleted,
    )


def _moments(history: StackHistory, may_see: bool) -> Iterable[TimelineMoment]:
    if may_see:
        yield from map(_of_event, history.events)
    for operation in history.operations:
        row = OperationRow.of(operation)
        yield TimelineMoment(
            row.created_at, "operation", row.status, row.type, row.requested_by, operation=row
        )
    for finding in history.seen:
        yield _of_finding(finding, finding.first_seen_at, DRIFTED[ChangeKind(finding.change)])
    for finding in history.gone:
        if finding.gone_since is not None:
            end = ENDED.get(finding.gone_reason or "", "over")
            yield _of_finding(finding, finding.gone_since, f"drift {end}", is_over=True)


def _of_event(event: AuditEvent) -> TimelineMoment:
    changes = event.detail.get("changes")
    return TimelineMoment(
        at=event.at,
        family="act",
        status=event.action,
        title=label_for("act", event.action).text,
        by=event.actor,
        note=str(event.detail.get("reason") or ""),
        changes=changes if isinstance(changes, dict) else {},
        sequence=event.sequence if parameter_changes(event) else None,
    )


def _of_finding(
    finding: DriftFinding, at: datetime, what: str, *, is_over: bool = False
) -> TimelineMoment:
    return TimelineMoment(
        at=at,
        family="drift",
        status="in_sync" if is_over else "drifted",
        title=f"{finding.name}: {what}",
        finding_id=finding.id,
    )


def _compare(session: Session, stack: Stack, since: int, until: int) -> ParameterComparison:
    present = present_parameters(stack)
    first = parameters_before(session, stack, present, since)
    second = parameters_before(session, stack, present, until) if until else None
    later = second.values if second is not None else present
    names = [*first.values, *(name for name in later if name not in first.values)]
    rows = [
        (name, first.values.get(name), later.get(name))
        for name in names
        if first.values.get(name) != later.get(name)
    ]
    return ParameterComparison(first.at, second.at if second is not None else None, rows)
