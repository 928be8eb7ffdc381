"""What the page of an operation shows. Two readings are equal unless something happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.console.operations.failure import FailureCause, cause_of
from app.console.operations.read_after import AfterOperation, read_after
from app.console.operations.read_plan import PlanDetails, read_plan
from app.console.shell.rows import OperationRow
from app.domain.interruptions import WAYS_OUT, WayOut
from app.domain.operation_registry import facts_of
from app.domain.operations import FINAL, OperationStatus, StepName, StepStatus, can_cancel
from app.domain.permissions import Right
from app.domain.plan_summary import PlanSummary
from app.domain.policy_results import PolicyResult
from app.domain.stacks import StackStatus
from app.models import Operation, OperationEvent, OperationStep
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import operation_by_id
from app.services.operations.progress import Progress, count_events, last_events, read_progress
from app.services.policies.asking import results_of
from app.services.projects.approval_rules import barred_names
from app.services.projects.change_control import Closure, closures
from app.services.queue.waits import waiting_for
from app.services.stacks.upgrade import can_apply_preview

LOG_LINES = 200
APPROVAL = "approval"


@dataclass(frozen=True)
class StepRow:
    """A step; ``status`` is that of the step, ``waiting`` before it began, or ``approval``."""

    name: str
    status: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True)
class OperationDetails(OperationRow):
    """What changes while an operation runs."""

    approved_by: str | None
    cancel_requested_by: str | None
    steps: tuple[StepRow, ...]
    progress: Progress | None
    waiting: Mapping[str, Any] | None
    summary: PlanSummary | None
    policies: Sequence[PolicyResult]
    cost: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    orphans: Sequence[Mapping[str, Any]]
    may_write: bool
    may_decide: bool
    may_override: bool
    barred: tuple[str, ...]
    is_first: bool
    is_stale: bool
    closure: Closure | None
    can_cancel: bool
    can_apply_preview: bool
    can_force: bool
    force_after: datetime | None
    is_forced: bool
    resolution: Mapping[str, Any] | None
    is_unresolved: bool
    is_searched: bool
    ways_out: Mapping[str, WayOut]
    after: AfterOperation | None

    @property
    def can_adopt(self) -> bool:
        """Tell whether there is something that could be taken into the state."""
        return bool(self.orphans) and facts_of(self.type).builds

    @property
    def cause(self) -> FailureCause | None:
        """What probably went wrong, in plain words, if the error tells."""
        return cause_of(self.error) if self.error is not None else None

    @property
    def can_try_again(self) -> bool:
        """Tell whether the same can simply be asked for again."""
        is_simple = facts_of(self.type).starts_at_once
        return self.may_write and self.status == OperationStatus.ERRORED and is_simple

    @property
    def destroys(self) -> bool:
        """Tell whether it takes away all that the stack has."""
        return facts_of(self.type).destroys

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.status in FINAL


@dataclass(frozen=True)
class OperationPage:
    """The whole page; ``log`` is its end, ``earlier`` the number of lines before that.

    With ``find``, ``log`` are the last lines of the whole log that hold that text.
    """

    operation: OperationDetails
    plan: PlanDetails | None
    log: Sequence[OperationEvent] = field(default_factory=tuple)
    earlier: int = 0
    find: str | None = None

    @property
    def last_event_id(self) -> int:
        """Return where a stream of events goes on."""
        return self.log[-1].id if self.log else 0


def read_operation_page(
    ctx: Context, principal: Principal, operation_id: str, find: str | None = None
) -> OperationPage:
    """Read the whole page; ``find`` narrows its log.

    Raises:
        NotFoundError: no such operation, or the caller cannot see it.
    """
    with ctx.read() as session:
        operation = operation_by_id(session, principal, operation_id)
        log = last_events(session, operation_id, LOG_LINES, find)
        return OperationPage(
            operation=view_of(ctx, session, principal, operation),
            plan=read_plan(ctx, session, principal, operation),
            log=log,
            earlier=count_events(session, operation_id, find) - len(log),
            find=find,
        )


def read_operation(ctx: Context, principal: Principal, operation_id: str) -> OperationDetails:
    """Read an operation for a question about it, which only who may steer it is asked.

    Raises:
        NotFoundError, PermissionDeniedError: as ``operation_by_id``.
    """
    with ctx.read() as session:
        operation = operation_by_id(session, principal, operation_id, Right.OPERATION_CONTROL)
        return view_of(ctx, session, principal, operation)


def view_of(
    ctx: Context, session: Session, principal: Principal, operation: Operation
) -> OperationDetails:
    """Read what changes while the operation runs."""
    status = OperationStatus(operation.status)
    project_id = operation.stack.project_id
    row = OperationRow.of(operation)
    is_waiting = row.is_waiting_for_approval
    summary = operation.plan_summary
    force_after = _force_after(ctx, operation)
    is_forced = operation.force_requested_at is not None
    return OperationDetails(
        **vars(row),
        approved_by=operation.approved_by,
        cancel_requested_by=operation.cancel_requested_by,
        steps=_steps(operation, is_waiting=is_waiting),
        progress=read_progress(session, operation),
        waiting=waiting_for(session, operation),
        summary=PlanSummary.from_dict(summary) if summary is not None else None,
        policies=results_of(operation),
        cost=operation.cost,
        error=operation.error,
        orphans=operation.possibly_orphaned,
        barred=tuple(sorted(barred_names(session, operation))) if is_waiting else (),
        may_write=principal.has(Right.STACK_WRITE, project_id),
        may_decide=principal.has(Right.OPERATION_CONTROL, project_id),
        may_override=principal.has(Right.WINDOW_OVERRIDE, project_id),
        is_first=operation.stack.status == StackStatus.CREATING,
        is_stale=is_waiting and operation.generation != operation.stack.generation,
        closure=closures(session).of(project_id) if is_waiting else None,
        can_cancel=can_cancel(status) and not is_waiting,
        can_apply_preview=can_apply_preview(operation),
        can_force=force_after is not None and utc_now() >= force_after and not is_forced,
        force_after=force_after,
        is_forced=is_forced,
        resolution=operation.resolution,
        is_unresolved=operation.holds_back,
        is_searched=operation.orphans_searched_at is not None,
        ways_out={action.value: way for action, way in WAYS_OUT.items()},
        after=read_after(ctx.catalog, principal, operation),
    )


def _force_after(ctx: Context, operation: Operation) -> datetime | None:
    """Return from when on a canceled Terraform may be killed, while it is being canceled."""
    asked_at = operation.cancel_requested_at
    if operation.status != OperationStatus.CANCELING or asked_at is None:
        return None
    return asked_at + timedelta(seconds=ctx.settings.cancel_grace_seconds)


def _steps(operation: Operation, *, is_waiting: bool) -> tuple[StepRow, ...]:
    # A plan that was queued again after its worker died has a step twice; the last one counts.
    rows = {row.name: row for row in operation.steps}
    names = facts_of(operation.type).shown_steps
    if StepName.READ in rows:
        names = (StepName.READ,)
    steps = [_step(name, rows.get(name), operation) for name in names]
    if is_waiting or operation.approved_at is not None:
        position = next((n for n, step in enumerate(steps) if step.name == StepName.APPLY), 0)
        steps.insert(position, _approval(operation))
    return tuple(steps)


def _step(name: str, row: OperationStep | None, operation: Operation) -> StepRow:
    if row is None:
        has_ended = operation.status in FINAL
        return StepRow(name, StepStatus.SKIPPED.value if has_ended else "waiting")
    return StepRow(name, row.status, row.started_at, row.ended_at, row.detail)


def _approval(operation: Operation) -> StepRow:
    began = next((item.ended_at for item in operation.steps if item.name == StepName.CHECK), None)
    if operation.approved_at is None:
        return StepRow(APPROVAL, APPROVAL, began)
    by = f"by {operation.approved_by}"
    return StepRow(APPROVAL, StepStatus.DONE.value, began, operation.approved_at, by)
