"""End an operation: its status, what that makes of the stack, outputs, and who is next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.drift import DriftStatus
from app.domain.operations import OperationStatus, OperationType
from app.domain.stacks import StackStatus, status_after
from app.domain.state_file import StateOutput
from app.errors import LandformError
from app.models import Operation, Stack, StackOutput
from app.services import audit, references
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.drift import auto_reconcile
from app.services.drift.actions import ABOUT_DRIFT
from app.services.engine.claims import Claim, fenced
from app.services.operation_queue import add_operation, ring_freed
from app.services.operation_status import move
from app.services.secrets import output_value, seal_json
from app.services.stacks import touch
from app.services.webhooks import outbox

MAX_REASON = 1000


def finish(
    ctx: Context,
    claim: Claim,
    status: OperationStatus,
    outputs: Mapping[str, StateOutput] | None = None,
    error: LandformError | None = None,
) -> None:
    """End a claimed operation in one transaction and ring the next one of its stack.

    Raises:
        FenceLostError: another process owns the operation now.
    """
    with fenced(ctx, claim) as (session, operation):
        if outputs is not None:
            changed = _keep_outputs(ctx, operation.stack, outputs)
            references.mark_stale(operation.stack, changed, ctx.catalog)
        end(session, operation, status, error)


def end(
    session: Session,
    operation: Operation,
    status: OperationStatus,
    error: LandformError | None = None,
    **more: Any,
) -> None:
    """End an operation inside an open transaction; ``more`` goes into its error's context."""
    end_silently(session, operation, status, error, **more)
    ring_freed(session, operation.stack_id)


def end_silently(
    session: Session,
    operation: Operation,
    status: OperationStatus,
    error: LandformError | None = None,
    **more: Any,
) -> None:
    """End an operation as ``end`` does; the caller rings what may start now."""
    if error is not None:
        operation.error = describe(error, **more)
    move(operation, status)
    before = operation.stack.status
    _settle_stack(operation.stack, operation, status)
    audit.record(
        session,
        SYSTEM_PRINCIPAL,
        f"operation.{status.value}",
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        type=operation.type,
        stack_id=operation.stack_id,
    )
    auto_reconcile.settle(session, operation)
    _tell_webhooks(session, operation, before)
    is_done_about_drift = operation.type in ABOUT_DRIFT and status is OperationStatus.APPLIED
    # People must see reality before they decide, and that what they did about it helped.
    if status is OperationStatus.INTERRUPTED or is_done_about_drift:
        add_operation(session, operation.stack, OperationType.DRIFT_CHECK, SYSTEM_PRINCIPAL)


def _tell_webhooks(session: Session, operation: Operation, status_before: str) -> None:
    outbox.operation_ended(session, operation)
    if operation.stack.status == StackStatus.NEEDS_ATTENTION != status_before:
        outbox.needs_attention(session, operation.stack)


def describe(error: LandformError, **more: Any) -> dict[str, Any]:
    """Return what an operation shows of its error."""
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "advice": error.advice,
        **error.context,
        **more,
    }


def _settle_stack(stack: Stack, operation: Operation, status: OperationStatus) -> None:
    kind = OperationType(operation.type)
    before = StackStatus(operation.stack_status_before or stack.status)
    after = status_after(kind, status, before, was_applying=operation.has_applied)
    is_done = status in (OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED)
    if (
        kind in (OperationType.APPLY, OperationType.ROLLBACK, OperationType.RECONCILE)
        and is_done
        and operation.generation is not None
    ):
        stack.applied_generation = operation.generation
        # One that was planned before versions were recorded had the stack's.
        stack.applied_blueprint_version = operation.blueprint_version or stack.blueprint_version
    if operation.has_applied:
        _forget_verdict(stack)
    if after is StackStatus.DELETED:
        stack.deleted_at = utc_now()
        stack.schedule.is_enabled = False
    failed = after in (StackStatus.FAILED, StackStatus.NEEDS_ATTENTION)
    detail = (operation.error or {}).get("detail") or f"The last {kind.value} was {status.value}."
    stack.status_reason = detail[:MAX_REASON] if failed else None
    if stack.status != after or kind.may_mutate:
        stack.status = after.value
        touch(stack)


def _forget_verdict(stack: Stack) -> None:
    """An apply made the last verdict worthless; the next check gives a new one."""
    if stack.drift_status != DriftStatus.NOT_CHECKED:
        stack.drift_since = utc_now()
    stack.drift_status, stack.drift_reason = DriftStatus.NOT_CHECKED.value, None
    stack.drift_unknown_told_at = None


def _keep_outputs(ctx: Context, stack: Stack, outputs: Mapping[str, StateOutput]) -> set[str]:
    """Keep the outputs of an apply; return the names of those that are not as they were."""
    now = utc_now()
    kept = {row.name: row for row in stack.outputs}
    before = {name: output_value(ctx.keys, row) for name, row in kept.items()}
    after = {name: output.value for name, output in outputs.items()}
    for name, output in outputs.items():
        row = kept.pop(name, None)
        if row is None:
            row = StackOutput(stack_id=stack.id, name=name)
            stack.outputs.append(row)
        row.is_sensitive, row.updated_at = output.is_sensitive, now
        place = f"output:{stack.id}:{name}"
        row.value = None if output.is_sensitive else output.value
        row.sealed_value = seal_json(ctx.keys, output.value, place) if output.is_sensitive else None
    for gone in kept.values():
        stack.outputs.remove(gone)
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}
