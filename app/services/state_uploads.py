"""Take in a Terraform state that was made elsewhere, so that a stack adopts what it describes."""

from __future__ import annotations

import re

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.drift import DriftStatus
from app.domain.operations import FINAL, OperationType
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.domain.state_file import StateFile, is_same_state
from app.errors import (
    ConflictError,
    StackHeldError,
    StateError,
    StateLineageError,
    StateSerialError,
    ValidationError,
)
from app.models import Operation, Stack
from app.services import audit
from app.services.access import Principal
from app.services.context import Context
from app.services.engine import state_keeping
from app.services.lookup import stack_by_id
from app.services.operation_queue import add_operation, holds
from app.services.stack_locks import refuse_locked
from app.services.stacks import touch

# What the columns of a state version hold; Terraform writes a UUID and a version.
LINEAGE = re.compile(r"[!-~]{1,64}")
# Leaves room for every apply that follows: SQL holds serials up to 2^63-1.
MAX_UPLOADED_SERIAL = 2**53
TERRAFORM_VERSION = re.compile(r"[!-~]{0,32}")


def upload_state(
    ctx: Context, session: Session, principal: Principal, stack_id: str, data: bytes
) -> tuple[Stack, Operation]:
    """Make ``data`` the state of record of a stack, and queue a plan that shows what it means.

    The plan is never applied by itself. Sending the present state again changes nothing and
    queues another plan.

    Args:
        ctx: the adapters.
        session: the open transaction.
        principal: who asks; needs ``state:write``.
        stack_id: whose state.
        data: a Terraform state of version 4.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        ValidationError: ``data`` is no complete state.
        StateLineageError, StateSerialError: the stack has a state that it does not follow.
        StateCorruptError: the present state is damaged; roll back first.
        StackHeldError: an operation that changes the stack runs, waits, or has state to save.
        StackLockedError, StackBusyError: a person, or a Terraform, holds the stack.
        ConflictError: the stack is deleted.
        VolumeError: the volume cannot be written.
    """
    stack = stack_by_id(session, principal, stack_id, Right.STATE_WRITE)
    if stack.status == StackStatus.DELETED:
        raise ConflictError(f"Stack {stack.name!r} is deleted.", advice="Create a new stack.")
    state = _parse(data)
    refuse_locked(session, principal, stack)
    _refuse_held(session, stack)
    store = ctx.state_store(stack_id)
    with store.hold(stack_id, 0):
        _check_follows(ctx, session, stack_id, state, data)
        operation = add_operation(session, stack, OperationType.PLAN, principal)
        stored = state_keeping.promote(session, store, operation, data)
    stack.drift_status, stack.drift_reason = DriftStatus.NOT_CHECKED.value, None
    stack.drift_since = utc_now()
    touch(stack)
    audit.record(
        session,
        principal,
        "state_version.upload",
        "stack",
        stack_id,
        project_id=stack.project_id,
        serial=stored.serial,
        lineage=stored.lineage,
        sha256=stored.sha256,
    )
    return stack, operation


def _parse(data: bytes) -> StateFile:
    try:
        state = StateFile.parse(data)
    except StateError as error:
        raise ValidationError.at("", error.detail) from error
    for pointer, pattern, text in (
        ("/lineage", LINEAGE, state.lineage),
        ("/terraform_version", TERRAFORM_VERSION, state.terraform_version),
    ):
        if pattern.fullmatch(text) is None:
            raise ValidationError.at(pointer, "Is not what Terraform writes.")
    if state.serial > MAX_UPLOADED_SERIAL:
        raise ValidationError.at("/serial", "Is too large.")
    return state


def _refuse_held(session: Session, stack: Stack) -> None:
    """Refuse while anything could change the stack from the state that is being replaced."""
    changes = [kind for kind in OperationType if kind.may_mutate]
    waiting = Operation.status.not_in(FINAL) & Operation.type.in_(changes)
    holder = session.scalars(
        select(Operation)
        .where(Operation.stack_id == stack.id, or_(waiting, holds(Operation)))
        .order_by(Operation.id)
    ).first()
    if holder is not None:
        raise StackHeldError(
            f"Operation {holder.id} ({holder.type}, {holder.status}) works on stack "
            f"{stack.name!r}.",
            context={"operation_id": holder.id},
        )


def _check_follows(
    ctx: Context, session: Session, stack_id: str, state: StateFile, data: bytes
) -> None:
    """Check against what SQL knows; the store compares with what the volume has."""
    known = state_keeping.latest_version(session, stack_id)
    if known is None:
        return
    if state.lineage != known.lineage:
        raise StateLineageError(
            f"The state has lineage {state.lineage}, the recorded one {known.lineage}.",
            advice="Upload it to a stack of its own; this one has another history.",
        )
    if state.serial > known.serial:
        return
    if state.serial == known.serial:
        store = ctx.state_store(stack_id)
        present = state_keeping.read_version(store, stack_id, known.serial, known.sha256)
        if is_same_state(present, data):
            return
    raise StateSerialError(
        f"The state has serial {state.serial}, and serial {known.serial} is recorded.",
        advice="Upload a state with a higher serial.",
    )
