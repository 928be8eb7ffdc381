"""Move the state of a stack between the volume and the bucket, so that a kill leaves one truth.

Everything is copied and read back first. Then one transaction says where the state is. Only then
does the old place get a mark that the state has left, and lose its versions. Whoever dies on the
way left one truth, what SQL says; the operation is queued again and goes on from there.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.operation_errors import OperationCanceledError
from app.domain.operations import OperationStatus, StepName
from app.domain.stacks import StateBackend
from app.errors import UnavailableError
from app.models import Operation, StateVersion
from app.services.engine import ending
from app.services.engine.claims import write_fenced
from app.services.engine.run import OperationRun
from app.services.queue.status import move
from app.services.stacks.editing import touch
from app.services.state import record
from app.storage.state_format import StateVersionName, StoredState
from app.storage.state_store import StateStore


def move_state(run: OperationRun) -> None:
    """Move the state and end the operation.

    Raises:
        StateError, UnavailableError: it cannot be; it is where it was.
        OperationCanceledError: somebody asked for that in time.
    """
    StateMove(run).carry_out()
    run.is_over = True


class StateMove:
    """The work on one move by the process that claimed it and holds the stack in both places."""

    def __init__(self, run: OperationRun) -> None:
        self._ctx = run.ctx
        self._claim = run.claim
        self._recorder = run.recorder
        self._bucket = run.store
        self._target = StateBackend(run.claim.options.state_backend or StateBackend.VOLUME)
        is_to_s3 = self._target is StateBackend.S3
        self._source = StateBackend.VOLUME if is_to_s3 else StateBackend.S3

    def carry_out(self) -> None:
        """Move the state and end the operation; see ``move_state``."""
        old, new = self._store_in(self._source), self._store_in(self._target)
        new.check()
        with self._recorder.step(StepName.PREPARE):
            is_there = self._read_backend() is self._target
            known = [] if is_there else self._reconcile(old)
        with self._recorder.step(StepName.SAVE):
            if not is_there:
                self._copy(old, new, known)
                self._switch()
            self._leave(old, new)
        write_fenced(self._ctx, self._claim, _end_well)

    def _store_in(self, place: StateBackend) -> StateStore:
        """Return the store of a place, as the writer that this operation is there."""
        return self._bucket if place is StateBackend.S3 else self._ctx.store_in(place)

    def _read_backend(self) -> StateBackend:
        return write_fenced(
            self._ctx, self._claim, lambda _, operation: StateBackend(operation.stack.state_backend)
        )

    def _reconcile(self, old: StateStore) -> list[StateVersionName]:
        """Have SQL know what is at the old place, and return what it knows, lowest first."""

        def work(session: Session, operation: Operation) -> list[StateVersionName]:
            record.load_state(session, old, operation)
            rows = session.execute(
                select(StateVersion.serial, StateVersion.sha256)
                .where(StateVersion.stack_id == operation.stack_id)
                .order_by(StateVersion.serial)
            )
            return [StateVersionName(serial, sha256) for serial, sha256 in rows]

        return write_fenced(self._ctx, self._claim, work)

    def _copy(self, old: StateStore, new: StateStore, known: list[StateVersionName]) -> None:
        """Copy all there is, read it back, and make the present one the present one there.

        Raises:
            StateCorruptError: a version is damaged or gone, here or there.
        """
        stack_id, present = self._claim.stack_id, old.current(self._claim.stack_id)
        for name in sorted({*known, *old.versions(stack_id)}):
            self._recorder.poll()
            self._stop_if_asked()
            data = record.read_version(old, stack_id, name.serial, name.sha256)
            new.keep(stack_id, data)
            record.read_version(new, stack_id, name.serial, name.sha256)
        new.point_to(stack_id, present)
        self._recorder.note(_sentence(present, len(known), self._target))

    def _switch(self) -> None:
        """Have SQL say where the state is, once what is there was proven to be what SQL knows."""
        store = self._store_in(self._target)

        def work(session: Session, operation: Operation) -> None:
            if operation.status == OperationStatus.CANCELING:
                raise OperationCanceledError("Canceled; the state is where it was.")
            record.load_state(session, store, operation)
            operation.stack.state_backend = self._target.value
            touch(operation.stack)

        write_fenced(self._ctx, self._claim, work)

    def _leave(self, old: StateStore, new: StateStore) -> None:
        """Mark the old place as left; what cannot be removed there harms nobody."""
        write_fenced(
            self._ctx,
            self._claim,
            lambda session, operation: record.load_state(session, new, operation),
        )
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


def _end_well(session: Session, operation: Operation) -> None:
    """End the operation as those do that change something: over ``applying``.

    A cancel came too late. State and cloud are as they were, so it counts as none that applied.
    """
    if operation.status == OperationStatus.PLANNING:
        move(operation, OperationStatus.PLANNED)
        move(operation, OperationStatus.APPLYING)
    ending.end(session, operation, OperationStatus.APPLIED)


def _sentence(present: StoredState | None, count: int, target: StateBackend) -> str:
    place = "the bucket" if target is StateBackend.S3 else "the volume"
    if present is None:
        return f"The stack has no state yet; {place} has its place now."
    return f"Serial {present.serial} and {count - 1} earlier versions are in {place}, verified."
