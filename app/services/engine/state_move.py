"""Move the state of a stack between the volume and the bucket, so that a kill leaves one truth.

Everything is copied and read back first. Then one transaction says where the state is. Only then
does the old place get a mark that the state has left, and lose its versions. Whoever dies on the
way left one truth, what SQL says; the operation is queued again and goes on from there.
"""

from __future__ import annotations

from sqlalchemy import select

from app.domain.operations import OperationStatus, OperationType, StepName
from app.domain.stacks import StateBackend
from app.errors import OperationCanceledError, UnavailableError
from app.models import Operation, StateVersion
from app.services.context import Context
from app.services.engine import ending, state_keeping
from app.services.engine.claims import Claim, fenced
from app.services.engine.recorder import Recorder
from app.services.operation_status import move
from app.services.stacks import touch
from app.storage.state_format import StateVersionName, StoredState
from app.storage.state_store import StateStore


def find_store(ctx: Context, claim: Claim) -> StateStore:
    """Return the store that an operation works with and whose writer it is.

    A move is the writer in both places: the bucket's lock includes the one on the volume.

    Raises:
        StateBucketMissingError: it needs the bucket, and the settings name none.
    """
    if claim.type is OperationType.MOVE_STATE:
        return ctx.store_in(StateBackend.S3)
    return ctx.state_store(claim.stack_id)


class StateMove:
    """The work on one move by the process that claimed it and holds the stack in both places."""

    def __init__(self, ctx: Context, claim: Claim, recorder: Recorder) -> None:
        self._ctx = ctx
        self._claim = claim
        self._recorder = recorder
        self._target = StateBackend(claim.options.state_backend or StateBackend.VOLUME)
        is_to_s3 = self._target is StateBackend.S3
        self._source = StateBackend.VOLUME if is_to_s3 else StateBackend.S3

    def carry_out(self) -> None:
        """Move the state and end the operation.

        Raises:
            StateError, UnavailableError: it cannot be; it is where it was.
            OperationCanceledError: somebody asked for that in time.
        """
        old, new = self._ctx.store_in(self._source), self._ctx.store_in(self._target)
        new.check()
        with self._recorder.step(StepName.PREPARE):
            is_there = self._read_backend() is self._target
            known = [] if is_there else self._reconcile(old)
        with self._recorder.step(StepName.SAVE):
            if not is_there:
                self._copy(old, new, known)
                self._switch()
            self._leave(old, new)
        with fenced(self._ctx, self._claim) as (session, operation):
            _end_well(operation)
            ending.end(session, operation, OperationStatus.APPLIED)

    def _read_backend(self) -> StateBackend:
        with fenced(self._ctx, self._claim) as (_, operation):
            return StateBackend(operation.stack.state_backend)

    def _reconcile(self, old: StateStore) -> list[StateVersionName]:
        """Have SQL know what is at the old place, and return what it knows, lowest first."""
        with fenced(self._ctx, self._claim) as (session, operation):
            state_keeping.load_state(session, old, operation)
            rows = session.execute(
                select(StateVersion.serial, StateVersion.sha256)
                .where(StateVersion.stack_id == operation.stack_id)
                .order_by(StateVersion.serial)
            )
            return [StateVersionName(serial, sha256) for serial, sha256 in rows]

    def _copy(self, old: StateStore, new: StateStore, known: list[StateVersionName]) -> None:
        """Copy all there is, read it back, and make the present one the present one there.

        Raises:
            StateCorruptError: a version is damaged or gone, here or there.
        """
        stack_id, present = self._claim.stack_id, old.current(self._claim.stack_id)
        for name in sorted({*known, *old.versions(stack_id)}):
            self._recorder.poll()
            self._stop_if_asked()
            data = state_keeping.read_version(old, stack_id, name.serial, name.sha256)
            new.keep(stack_id, data)
            state_keeping.read_version(new, stack_id, name.serial, name.sha256)
        new.point_to(stack_id, present)
        self._recorder.note(_sentence(present, len(known), self._target))

    def _switch(self) -> None:
        """Have SQL say where the state is, once what is there was proven to be what SQL knows."""
        with fenced(self._ctx, self._claim) as (session, operation):
            if operation.status == OperationStatus.CANCELING:
                raise OperationCanceledError("Canceled; the state is where it was.")
            state_keeping.load_state(session, self._ctx.store_in(self._target), operation)
            operation.stack.state_backend = self._target.value
            touch(operation.stack)

    def _leave(self, old: StateStore, new: StateStore) -> None:
        """Mark the old place as left; what cannot be removed there harms nobody."""
        with fenced(self._ctx, self._claim) as (session, operation):
            state_keeping.load_state(session, new, operation)
        try:
            old.retire(self._claim.stack_id)
        except UnavailableError as error:
            self._recorder.note(
                f"What is left at the old place could not be removed: {error.detail} Ask for the "
                "same move again to remove it.",
                level="warn",
            )

    def _stop_if_asked(self) -> None:
        if self._recorder.is_cancel_requested:
            raise OperationCanceledError("Canceled; the state is where it was.")


def _end_well(operation: Operation) -> None:
    """Go to ``applying`` as operations do that change something, unless a cancel came too late.

    Its state and the cloud are as they were, so it counts as none that applied.
    """
    if operation.status == OperationStatus.PLANNING:
        move(operation, OperationStatus.PLANNED)
        move(operation, OperationStatus.APPLYING)


def _sentence(present: StoredState | None, count: int, target: StateBackend) -> str:
    place = "the bucket" if target is StateBackend.S3 else "the volume"
    if present is None:
        return f"The stack has no state yet; {place} has its place now."
    return f"Serial {present.serial} and {count - 1} earlier versions are in {place}, verified."
