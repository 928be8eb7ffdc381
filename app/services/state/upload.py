"""Take in a Terraform state that was made elsewhere, so that a stack adopts what it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.drift import DriftStatus
from app.domain.fences import NO_FENCE, Fence
from app.domain.operation_errors import FenceLostError
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL, OperationType
from app.domain.permissions import Right
from app.domain.plain_words import in_words
from app.domain.stacks import StackStatus
from app.domain.state_checks import check_uploaded_state
from app.domain.state_errors import StateError, StateLineageError, StateSerialError
from app.domain.state_file import StateFile, is_same_state
from app.errors import ConflictError, StackBusyError, StackHeldError, ValidationError
from app.models import Operation, Stack
from app.services import audit
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.agreements import carry_over_to, keep_agreement
from app.services.lookup import stack_by_id
from app.services.queue.order import add_operation, holds
from app.services.stacks.editing import touch
from app.services.stacks.locks import refuse_locked
from app.services.state import ownership, record
from app.services.state.fences import take_fence
from app.services.work import Work
from app.storage.state_store import StateStore

# What the columns of a state version hold; Terraform writes a UUID and a version.
LINEAGE = re.compile(r"[!-~]{1,64}")
# Leaves room for every apply that follows: SQL holds serials up to 2^63-1.
MAX_UPLOADED_SERIAL = 2**53
TERRAFORM_VERSION = re.compile(r"[!-~]{0,32}")


@dataclass(frozen=True)
class ExaminedState:
    """A state that may become the one of ``stack_id``: its form, what it names, and whose.

    ``fence`` is that of whoever takes it in.
    """

    stack_id: str
    data: bytes = field(repr=False)
    state: StateFile = field(repr=False)
    claims: Sequence[ownership.OwnershipClaim] = field(repr=False)
    fence: Fence = NO_FENCE


def examine_upload(ctx: Context, principal: Principal, stack_id: str, data: bytes) -> ExaminedState:
    """Check a state before it is taken in; asks the cloud, so it is called before a transaction.

    Args:
        ctx: the adapters.
        principal: who asks; needs ``state:write``.
        stack_id: whose state.
        data: a Terraform state of version 4.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        ConflictError: the stack is deleted.
        BlueprintMissingError: its version of its blueprint has left the catalogue.
        ValidationError: ``data`` is no complete state, names what the stack's blueprint does not
            declare, or a resource of another stack; all but the first leaves an audit event.
        CloudSearchError: the cloud could not be asked whose the resources are.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, Right.STATE_WRITE)
        _refuse_deleted(stack)
        blueprint = ctx.catalog.blueprint(stack.kind, stack.blueprint_version)
        cloud = ctx.catalog.cloud(stack.cloud)
    state = _parse(data)
    what = f"{blueprint.kind} {blueprint.version} on {cloud.name}"
    with ownership.recording_refusals(ctx, principal, stack, "state_version.upload_refused"):
        check_uploaded_state(data, blueprint.declared[cloud.name], what)
        claims = ownership.claims_of_state(state, cloud)
        ownership.refuse_foreign(ctx, stack_id, claims)
    return ExaminedState(stack_id, data, state, claims, take_fence(ctx, stack_id))


def upload_state(work: Work, examined: ExaminedState) -> tuple[Stack, Operation]:
    """Make a state the state of record of a stack, and queue a plan that shows what it means.

    The plan is never applied by itself. An upload agrees to nothing: what it says otherwise about a
    resource that the present state has too is drift until somebody accepts it. Sending the present
    state again changes nothing and queues another plan.

    Args:
        work: of who asks; needs ``state:write``.
        examined: what ``examine_upload`` found good.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        StateLineageError, StateSerialError: the stack has a state that it does not follow.
        StateCorruptError: the present state is damaged; roll back first.
        ValidationError: another stack has got one of its resources since it was examined.
        StackHeldError: an operation that changes the stack runs, waits, or has state to save.
        StackLockedError, StackBusyError: a person, or a Terraform, holds the stack.
        ConflictError: the stack is deleted.
        VolumeError: the volume cannot be written.
    """
    stack_id, state, data = examined.stack_id, examined.state, examined.data
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STATE_WRITE)
    _refuse_deleted(stack)
    refuse_locked(work, stack)
    _refuse_held(work.session, stack)
    # Another upload may have been faster than the examination.
    ownership.refuse_held(work.session, stack, examined.claims)
    store = work.ctx.store_of(work.session, stack_id).fenced(examined.fence)
    with _held(store, stack_id):
        _check_follows(work.session, store, stack_id, state, data)
        operation = add_operation(work.session, stack, OperationType.PLAN, work.principal)
        present = _present(work.session, store, stack_id)
        agreed = carry_over_to(work.ctx, work.session, stack, present, data)
        keep_agreement(work.ctx.keys, work.session, stack_id, agreed, state.serial)
        stored = record.promote(work.session, store, operation, data)
    stack.drift_status, stack.drift_reason = DriftStatus.NOT_CHECKED.value, None
    stack.drift_since = utc_now()
    touch(stack)
    audit.record_stack(
        work,
        "state_version.upload",
        stack,
        serial=stored.serial,
        lineage=stored.lineage,
        sha256=stored.sha256,
    )
    return stack, operation


@contextmanager
def _held(store: StateStore, stack_id: str) -> Iterator[None]:
    try:
        with store.hold(stack_id, 0):
            yield
    except FenceLostError as error:
        raise StackBusyError(
            f"Somebody else began to write the state of {stack_id} meanwhile.",
            advice="Send the state again.",
        ) from error


def _refuse_deleted(stack: Stack) -> None:
    if stack.status == StackStatus.DELETED:
        raise ConflictError(f"Stack {stack.name!r} is deleted.", advice="Create a new stack.")


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
    changes = types_where(lambda facts: facts.may_mutate)
    waiting = Operation.status.not_in(FINAL) & Operation.type.in_(changes)
    holder = session.scalars(
        select(Operation)
        .where(Operation.stack_id == stack.id, or_(waiting, holds(Operation)))
        .order_by(Operation.id)
    ).first()
    if holder is not None:
        raise StackHeldError(
            f"Operation {holder.id} ({in_words(holder.type)}, {in_words(holder.status)}) works on "
            f"stack {stack.name!r}.",
            context={"operation_id": holder.id},
        )


def _present(session: Session, store: StateStore, stack_id: str) -> StateFile | None:
    known = record.latest_version(session, stack_id)
    if known is None:
        return None
    data = record.read_version(store, stack_id, known.serial, known.sha256)
    return StateFile.parse(data)


def _check_follows(
    session: Session, store: StateStore, stack_id: str, state: StateFile, data: bytes
) -> None:
    """Check against what SQL knows; the store compares with what the volume has."""
    known = record.latest_version(session, stack_id)
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
        present = record.read_version(store, stack_id, known.serial, known.sha256)
        if is_same_state(present, data):
            return
    raise StateSerialError(
        f"The state has serial {state.serial}, and serial {known.serial} is recorded.",
        advice="Upload a state with a higher serial.",
    )
