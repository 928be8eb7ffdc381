"""End an operation: its status, what that makes of the stack, outputs, and who is next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus, OperationType
from app.domain.plain_words import in_words
from app.domain.redaction import secret_texts
from app.domain.stacks import StackStatus, status_after
from app.domain.state_file import StateFile, StateOutput, names_in
from app.errors import LandformError
from app.models import Operation, Stack, StackOutput
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.drift import auto_reconcile, verdicts
from app.services.drift.reports import is_scheduled
from app.services.engine.claims import Claim, write_fenced
from app.services.engine.recovery.orphans import addresses_by_id
from app.services.operations.outcomes import describe, mark_deleted, record_end
from app.services.queue import interruptions
from app.services.queue.order import add_operation, notify_freed
from app.services.queue.status import move
from app.services.secrets import output_value, seal_json
from app.services.stacks import references
from app.services.stacks.editing import touch
from app.services.webhooks import outbox

MAX_REASON = 1000
MAX_DETAIL_BYTES = 16 * 1024


def finish(
    ctx: Context,
    claim: Claim,
    status: OperationStatus,
    outputs: Mapping[str, StateOutput] | None = None,
    error: LandformError | None = None,
    known_names: Collection[str] | None = None,
) -> None:
    """End a claimed operation in one transaction and notify workers of the next one of its stack.

    Args:
        ctx: the adapters.
        claim: the claim on the operation.
        status: its final status.
        outputs: those of the saved state; None keeps what is known.
        error: why it did not end well.
        known_names: what the saved state knows, to tell which orphans it has taken in.

    Raises:
        FenceLostError: another process owns the operation now.
    """

    def work(session: Session, operation: Operation) -> None:
        if outputs is not None:
            changed = _keep_outputs(ctx, operation.stack, _with_nulls(ctx, operation, outputs))
            references.mark_stale(operation.stack, changed, ctx.catalog)
        end_silently(session, operation, status, error, known_names)
        notify_freed(session, operation.stack_id)

    write_fenced(ctx, claim, work)


def end(
    session: Session,
    operation: Operation,
    status: OperationStatus,
    error: LandformError | None = None,
    **more: Any,
) -> None:
    """End an operation inside an open transaction; ``more`` goes into its error's context."""
    end_silently(session, operation, status, error, **more)
    notify_freed(session, operation.stack_id)


def end_silently(
    session: Session,
    operation: Operation,
    status: OperationStatus,
    error: LandformError | None = None,
    known_names: Collection[str] | None = None,
    **more: Any,
) -> None:
    """End an operation as ``end`` does; the caller notifies workers of what may start now."""
    if error is not None:
        operation.error = describe(error, **more)
    move(operation, status)
    before = operation.stack.status
    _settle_stack(session, operation, status)
    if not (is_scheduled(operation) and status is OperationStatus.PLANNED_AND_FINISHED):
        record_end(session, operation, status)
    auto_reconcile.end_attempt(session, operation)
    if status is OperationStatus.INTERRUPTED and facts_of(operation.type).may_mutate:
        interruptions.hold_back(session, operation)
    interruptions.follow_end(session, operation, known_names)
    _tell_webhooks(session, operation, before)
    is_about_drift = facts_of(operation.type).is_about_drift
    is_done_about_drift = is_about_drift and status is OperationStatus.APPLIED
    # People must see reality before they decide, and that what they did about it helped.
    if status is OperationStatus.INTERRUPTED or is_done_about_drift:
        add_operation(session, operation.stack, OperationType.DRIFT_CHECK, SYSTEM_PRINCIPAL)


def _tell_webhooks(session: Session, operation: Operation, status_before: str) -> None:
    outbox.operation_ended(session, operation)
    if operation.stack.status == StackStatus.NEEDS_ATTENTION != status_before:
        outbox.needs_attention(session, operation.stack)


def _settle_stack(session: Session, operation: Operation, status: OperationStatus) -> None:
    stack, facts = operation.stack, facts_of(operation.type)
    if not facts.may_mutate:
        return  # it has only looked; a person may have decided about the stack meanwhile
    before = StackStatus(operation.stack_status_before or stack.status)
    after = status_after(facts.name, status, before, was_applying=operation.has_applied)
    is_done = status in (OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED)
    if facts.builds and is_done and operation.generation is not None:
        stack.applied_generation = operation.generation
        if not operation.options.get("targets"):
            stack.configuration_differs = False
        # One that was planned before versions were recorded had the stack's.
        stack.applied_blueprint_version = operation.blueprint_version or stack.blueprint_version
    if operation.has_applied:
        verdicts.forget(session, stack, utc_now())
    if after is StackStatus.DELETED:
        mark_deleted(session, stack, operation)
        return
    failed = after in (StackStatus.FAILED, StackStatus.NEEDS_ATTENTION)
    # What changed nothing of the stack leaves the reason of an earlier failure as it is.
    if not (failed and after == before) or operation.has_applied:
        stack.status_reason = _reason(operation, status)[:MAX_REASON] if failed else None
    stack.status = after.value
    touch(stack)


def _reason(operation: Operation, status: OperationStatus) -> str:
    """Return why an operation that could have changed its stack leaves it in trouble."""
    told = (operation.error or {}).get("detail")
    return told or f"Its last {in_words(operation.type)} was {in_words(status)}."


def _with_nulls(
    ctx: Context, operation: Operation, outputs: Mapping[str, StateOutput]
) -> Mapping[str, StateOutput]:
    """Add the declared outputs that are null, which Terraform leaves out of its state.

    After a plan for some addresses only, what is missing may just not have been computed.
    """
    stack = operation.stack
    version = operation.blueprint_version or stack.blueprint_version
    blueprint = ctx.catalog.find(stack.kind, version)
    is_partial = facts_of(operation.type).destroys or operation.options.get("targets")
    if is_partial or blueprint is None:
        return outputs
    nulls = {
        name: StateOutput(None, None, spec.sensitive) for name, spec in blueprint.outputs.items()
    }
    return {**nulls, **outputs}


def keep_true_outputs(
    ctx: Context, session: Session, stack: Stack, state: StateFile | None
) -> None:
    """Forget outputs that tell of resources which a failed change has destroyed.

    Args:
        ctx: the adapters.
        session: the open transaction.
        stack: whose change did not end well.
        state: what was saved of it.
    """
    known = names_in(state)
    gone = addresses_by_id(session, stack.id).keys() - known
    for row in list(stack.outputs):
        value = output_value(ctx.keys, row)
        is_declared = value is None or (state is not None and row.name in state.outputs)
        if not is_declared or set(secret_texts(value)) & gone:
            stack.outputs.remove(row)


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
