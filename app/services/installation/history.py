"""Remove history that is older than the settings keep: findings, reports, operations, stories.

A pass walks each table once, in the order of its ids, a few rows at a time. What is removed is
decided while reading; each writing transaction is short, so that nobody waits for it. Nothing
becomes needed again between the two: what a row is kept for only ever ends. The audit trail is
never cut.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.clock import utc_now
from app.config.settings import Settings
from app.domain import ids
from app.domain.drift import DriftStatus
from app.domain.history import Fate, PastOperation, Retention, fate_of
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL, OperationStatus
from app.domain.plan_options import PlanOptions
from app.domain.queueing import SYSTEM
from app.logs import get_logger
from app.models import (
    DriftFinding,
    DriftReport,
    Operation,
    OperationEvent,
    OperationStep,
    Stack,
    StateVersion,
    StoredPlan,
)
from app.services.context import Context

LOOKED_AT = 500
"""Rows that one step of a pass reads."""

ROWS_AT_ONCE = 100
EVENTS_AT_ONCE = 1000
EVENTS_IN_A_STEP = 10_000

log = get_logger(__name__)


class HistoryKeeper:
    """Goes through the history again and again, one bounded step at a time."""

    def __init__(self) -> None:
        """Begin a pass."""
        self._tables: tuple[tuple[str, Callable[[Context, str], str | None]], ...] = (
            ("findings", remove_findings),
            ("reports", remove_reports),
            ("operations", remove_operations),
        )
        self._stage, self._after = 0, ""

    def take_step(self, ctx: Context) -> int:
        """Do the next step of the pass; return 0 when that was its last one."""
        _, work = self._tables[self._stage]
        after = work(ctx, self._after)
        if after is not None:
            self._after = after
            return 1
        self._stage, self._after = (self._stage + 1) % len(self._tables), ""
        return self._stage


def remove_findings(ctx: Context, after: str) -> str | None:
    """Remove findings that have been over for long.

    Args:
        ctx: the adapters.
        after: where the last step ended; empty for a new pass.

    Returns:
        Where this step ended, or None at the end of the table.
    """
    before = utc_now() - timedelta(days=ctx.settings.finding_keep_days)
    query = select(DriftFinding.id, DriftFinding.gone_since).where(DriftFinding.id > after)
    with ctx.read() as session:
        rows = session.execute(query.order_by(DriftFinding.id).limit(LOOKED_AT)).all()
    old = [row.id for row in rows if row.gone_since is not None and row.gone_since < before]
    for some in _parts(old):
        with ctx.write() as session:
            # A check may have found it again since.
            is_over = DriftFinding.id.in_(some) & (DriftFinding.gone_since < before)
            session.execute(delete(DriftFinding).where(is_over))
    return _end_of(rows, "findings_removed", old)


def remove_reports(ctx: Context, after: str) -> str | None:
    """Remove old reports, but for the newest of each stack and those that something refers to.

    Args:
        ctx: the adapters.
        after: where the last step ended; empty for a new pass.

    Returns:
        Where this step ended, or None at the end of the table.
    """
    before = utc_now() - timedelta(days=ctx.settings.report_keep_days)
    query = select(DriftReport.id, DriftReport.stack_id, DriftReport.checked_at).where(
        DriftReport.id > after, DriftReport.id < ids.first_id(ids.DRIFT_REPORT, before)
    )
    with ctx.read() as session:
        rows = session.execute(query.order_by(DriftReport.id).limit(LOOKED_AT)).all()
        aged = [row for row in rows if row.checked_at < before]
        needed = _needed_reports(session, {row.stack_id for row in aged}) if aged else set()
    old = [row.id for row in aged if row.id not in needed]
    for some in _parts(old):
        with ctx.write() as session:
            session.execute(delete(DriftReport).where(DriftReport.id.in_(some)))
    return _end_of(rows, "reports_removed", old)


def _needed_reports(session: Session, stack_ids: Collection[str]) -> set[str | None]:
    """Return the reports of those stacks that must stay however old they are."""
    newest = select(func.max(DriftReport.id)).where(DriftReport.stack_id.in_(stack_ids))
    is_conclusive = DriftReport.status != DriftStatus.UNKNOWN
    shown = select(Stack.drift_report_id).where(Stack.id.in_(stack_ids))
    found = select(DriftFinding.report_id).where(DriftFinding.stack_id.in_(stack_ids))
    needed: set[str | None] = set()
    for query in (
        newest.group_by(DriftReport.stack_id),
        newest.where(is_conclusive).group_by(DriftReport.stack_id),
        shown,
        found,
    ):
        needed.update(session.scalars(query))
    is_about = types_where(lambda facts: facts.is_about_drift)
    acts = select(Operation.options).where(
        Operation.stack_id.in_(stack_ids),
        or_(Operation.type.in_(is_about), Operation.status.not_in(FINAL)),
    )
    needed.update(PlanOptions.from_dict(row).report_id for row in session.scalars(acts))
    return needed


def remove_operations(ctx: Context, after: str) -> str | None:
    """Remove old operations, or only their events, steps and plans.

    Args:
        ctx: the adapters.
        after: where the last step ended; empty for a new pass.

    Returns:
        Where this step ended, or None at the end of the table.
    """
    retention = retention_of(ctx.settings)
    with ctx.read() as session:
        rows = session.execute(_past_operations(after, utc_now() - retention.shortest)).all()
        named = _named_by_findings(session, {row.stack_id for row in rows})
    now = utc_now()
    fates = {row.id: fate_of(_past(row, named), retention, now) for row in rows}
    told = {row.id for row in rows if row.has_story}
    without_story = [name for name in fates if fates[name] is not Fate.KEEP and name in told]
    if without_story and not _remove_events(ctx, without_story):
        return after  # there are more; the next step goes on with the same operations
    removed = [name for name in fates if fates[name] is Fate.REMOVE]
    for some in _parts(sorted({*without_story, *removed})):
        with ctx.write() as session:
            _remove_rows(session, some, [name for name in some if name in set(removed)])
    return _end_of(rows, "operations_removed", removed)


def retention_of(settings: Settings) -> Retention:
    """Return for how long operations are kept."""
    return Retention(
        operations=timedelta(days=settings.operation_keep_days),
        unchanged=timedelta(days=settings.unchanged_keep_days),
        checks=timedelta(hours=settings.check_keep_hours),
    )


def _past_operations(after: str, before: datetime) -> Any:
    """Select the next operations with what decides over them."""
    later = aliased(Operation)
    is_later = (later.stack_id == Operation.stack_id) & (later.id > Operation.id)
    is_alike = (later.type == Operation.type) & (later.status == Operation.status)
    resolving = (later.resolves_id == Operation.id) & later.status.not_in(FINAL) & is_later
    return (
        select(
            Operation.id,
            Operation.stack_id,
            Operation.type,
            Operation.status,
            Operation.requested_by,
            Operation.ended_at,
            Operation.has_applied,
            Operation.has_unsaved_state,
            Operation.approved_by,
            Operation.resolution,
            Operation.holds_back,
            Stack.deleted_at,
            exists().where(is_later).label("has_successor"),
            exists().where(resolving).label("is_resolved_now"),
            exists().where(is_later, is_alike).label("has_successor_alike"),
            _has(DriftReport.operation_id).label("has_report"),
            _has(StateVersion.operation_id).label("has_version"),
            or_(
                _has(OperationEvent.operation_id),
                _has(OperationStep.operation_id),
                _has(StoredPlan.operation_id),
            ).label("has_story"),
        )
        .join(Stack, Stack.id == Operation.stack_id)
        .where(Operation.id > after, Operation.id < ids.first_id(ids.OPERATION, before))
        .order_by(Operation.id)
        .limit(LOOKED_AT)
    )


def _has(column: InstrumentedAttribute[str]) -> Any:
    return exists().where(column == Operation.id).correlate(Operation)


def _named_by_findings(session: Session, stack_ids: Collection[str]) -> set[str | None]:
    """Return the operations that findings of those stacks name."""
    columns = (DriftFinding.orphaned_by, DriftFinding.gone_operation_id)
    query = select(*columns).where(
        DriftFinding.stack_id.in_(stack_ids), or_(*(column.is_not(None) for column in columns))
    )
    return {name for row in session.execute(query) for name in row}


def _past(row: Any, named: Collection[str | None]) -> PastOperation:
    is_unresolved = row.status == OperationStatus.INTERRUPTED and row.resolution is None
    is_living = row.deleted_at is None
    return PastOperation(
        type=row.type,
        status=OperationStatus(row.status),
        ended_at=row.ended_at,
        is_scheduled=row.requested_by == SYSTEM,
        has_applied=row.has_applied,
        is_open=is_unresolved or row.holds_back or row.is_resolved_now or row.has_unsaved_state,
        is_latest=not row.has_successor or (is_living and not row.has_successor_alike),
        is_referred_to=(
            row.has_report or row.has_version or row.approved_by is not None or row.id in named
        ),
        has_report=row.has_report,
    )


def _remove_events(ctx: Context, operation_ids: Sequence[str]) -> bool:
    """Remove events of operations, a bounded number; tell whether none are left."""
    for _ in range(EVENTS_IN_A_STEP // EVENTS_AT_ONCE):
        some = select(OperationEvent.id).where(OperationEvent.operation_id.in_(operation_ids))
        with ctx.write() as session:
            found = session.scalars(some.limit(EVENTS_AT_ONCE)).all()
            session.execute(delete(OperationEvent).where(OperationEvent.id.in_(found)))
        if len(found) < EVENTS_AT_ONCE:
            return True
    return False


def _remove_rows(session: Session, stripped: Collection[str], removed: Collection[str]) -> None:
    for model in (OperationStep, StoredPlan):
        session.execute(delete(model).where(model.operation_id.in_(stripped)))
    session.execute(delete(Operation).where(Operation.id.in_(removed)))


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + ROWS_AT_ONCE] for start in range(0, len(names), ROWS_AT_ONCE)]


def _end_of(rows: Sequence[Any], event: str, removed: Sequence[str]) -> str | None:
    if removed:
        log.info(event, count=len(removed))
    return rows[-1].id if len(rows) == LOOKED_AT else None
