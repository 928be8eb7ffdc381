"""Ask for the state of a stack to be moved between the volume and the state bucket."""

from __future__ import annotations

from app.domain.operation_registry import facts_of
from app.domain.operations import OperationType
from app.domain.permissions import Right
from app.domain.plan_options import PlanOptions
from app.domain.stacks import StackStatus, StateBackend
from app.errors import ConflictError, ValidationError
from app.models import Operation, Stack
from app.services import audit
from app.services.lookup import stack_by_id
from app.services.operations.control import refuse_stray_options
from app.services.queue.order import add_operation, unfinished_destroy
from app.services.work import Work


def request_move(work: Work, stack_id: str, options: PlanOptions) -> tuple[Stack, Operation]:
    """Queue a move of a stack's state to ``options.state_backend``.

    Where it is there already, the move only finishes what an earlier one may have left to remove.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``; it needs ``state:write``.
        ValidationError: no place is named, or the settings name no bucket.
        ConflictError: the stack is deleted, or about to be.
    """
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STATE_WRITE)
    refuse_stray_options(facts_of(OperationType.MOVE_STATE), options)
    if options.state_backend is None:
        raise ValidationError.at("/state_backend", "Say where the state goes.")
    if work.ctx.bucket is None:
        message = "This Landform has no state bucket (LANDFORM_STATE_S3_BUCKET is empty)."
        raise ValidationError.at("/state_backend", message)
    wanted = StateBackend(options.state_backend)
    if stack.status == StackStatus.DELETED or unfinished_destroy(work.session, stack) is not None:
        raise ConflictError(f"Stack {stack.name!r} is deleted, or about to be.")
    operation = add_operation(
        work.session, stack, OperationType.MOVE_STATE, work.principal, options
    )
    audit.record_stack(
        work,
        "state.move",
        stack,
        operation_id=operation.id,
        source=stack.state_backend,
        target=wanted.value,
    )
    return stack, operation
