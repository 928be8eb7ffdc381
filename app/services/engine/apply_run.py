"""The step that changes the cloud: apply the plan, save the state, judge the end.

The order of things that must survive a crash: the private state copy is promoted while Terraform
runs and once more at its end; only then does the operation end in SQL and its run directory go.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.domain.agreement import NOTHING, Agreement
from app.domain.agreement_errors import AgreementUnreadableError
from app.domain.interruptions import OperationInterruptedError
from app.domain.operation_errors import FenceLostError, UnsavedStateError
from app.domain.operations import StepName
from app.domain.plain_words import counted
from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.errors import LandformError, UnavailableError
from app.models import Operation
from app.services.drift.agreements import follow_apply
from app.services.engine import ending, forgotten_resources, post_apply_refresh, snapshots
from app.services.engine.claims import write_fenced
from app.services.engine.recovery.orphans import find_orphans, has_started
from app.services.engine.run import OperationRun
from app.services.engine.workspace import Workspace
from app.services.state import record
from app.storage.snapshotter import Snapshotter
from app.storage.state_format import StateVersionName
from app.terraform.terraform_errors import TerraformError

SNAPSHOT_SECONDS = 0.5


Saved = tuple[StateFile, Agreement, list[StateVersionName], AgreementUnreadableError | None]
"""A state that is of record, what is agreed beside it, the snapshots that it makes needless, and
why what was agreed could not follow it."""


class ApplyRun:
    """Applies the plan of one claimed operation."""

    def __init__(self, run: OperationRun) -> None:
        """Prepare; nothing is done yet."""
        self._ctx = run.ctx
        self._claim = run.claim
        self._recorder = run.recorder
        self._store = run.store
        self._make_terraform = run.terraform

    def carry_out(self, space: Workspace) -> StateFile | None:
        """Apply the plan, and return the state that is of record then.

        Raises:
            LandformError: why it did not end well; the caller ends the operation with it.
        """
        failure = self._change(space)
        # What was done is kept whatever the end was; only then is the failure told.
        try:
            with self._recorder.step(StepName.SAVE):
                state, unread = self._save_state(space, is_done=failure is None)
        except UnsavedStateError as error:
            self._name_orphans_unsaved(space, error)
            raise
        failure = failure or self._judge_record(space) or unread
        if failure is not None:
            self._name_orphans(space, state, failure)
            raise failure
        return state

    def _change(self, space: Workspace) -> LandformError | None:
        """Have Terraform apply the plan; return what went wrong, if something did."""
        before = space.directory.state_bytes()
        forgotten_resources.remember(self._ctx, self._claim, before)
        snapshotter = Snapshotter(
            space.directory.state_path, self._snapshot, SNAPSHOT_SECONDS, baseline=before
        )
        try:
            with self._recorder.step(StepName.APPLY), self._recorder.watched():
                terraform = self._make_terraform(snapshotter)
                terraform.apply(space.directory.plan_path, self._ctx.settings.apply_timeout_seconds)
                self._settle(space, snapshotter)
        except FenceLostError:
            raise
        except LandformError as error:
            self._recorder.note(error.detail, level="error", type_="failure")
            if isinstance(error, TerraformError):
                self._settle(space, snapshotter, has_failed=True)
            return error
        return None

    def _settle(
        self, space: Workspace, snapshotter: Snapshotter, *, has_failed: bool = False
    ) -> None:
        if space.refreshes_after_apply and self._claim.facts.builds:
            post_apply_refresh.refresh(
                self._ctx,
                space,
                self._claim,
                self._recorder,
                lambda reattach: self._make_terraform(
                    snapshotter, post_apply_refresh.keep_quiet, reattach
                ),
                has_failed=has_failed,
            )

    def _judge_record(self, space: Workspace) -> LandformError | None:
        """Return what is wrong with the record of an apply that Terraform says went well.

        A run directory that loses its state copy under a running Terraform takes the record of
        what was made with it, and Terraform does not notice.
        """
        if space.directory.has_valid_state:
            return None
        return OperationInterruptedError(
            "The run directory lost its state while Terraform was changing the cloud: "
            f"{space.directory.state_path} is gone or damaged."
        )

    def _name_orphans(
        self, space: Workspace, state: StateFile | None, failure: LandformError
    ) -> None:
        """Say what Terraform began to create and did not record, because it ended suddenly.

        Raises:
            OperationInterruptedError: there is something to look at.
        """

        def work(session: Session, operation: Operation) -> list[dict[str, Any]] | None:
            ending.keep_true_outputs(self._ctx, session, operation.stack, state)
            found = find_orphans(session, operation, space.directory, state)
            is_lost = not space.directory.exists and has_started(session, operation.id)
            if not (found or is_lost):
                return None
            operation.possibly_orphaned = found
            return found

        found = write_fenced(self._ctx, self._claim, work)
        if found is None:
            return
        told = f" {_without_record(len(found))}" if found else ""
        raise OperationInterruptedError(
            f"{failure.detail}{told}", context=failure.context
        ) from failure

    def _name_orphans_unsaved(self, space: Workspace, error: UnsavedStateError) -> None:
        """Name orphans although the state waits to be saved; there may be none left to save.

        Raises:
            OperationInterruptedError: there is something to look at.
        """
        try:
            left = space.directory.newest_valid_state()
            is_there = left is not None
        except UnavailableError:
            left, is_there = None, True
        state = StateFile.parse(left) if left is not None else None

        def work(session: Session, operation: Operation) -> list[dict[str, Any]]:
            found = find_orphans(session, operation, space.directory, state)
            if found or not is_there:
                operation.possibly_orphaned = found
                operation.has_unsaved_state = is_there
            return found

        found = write_fenced(self._ctx, self._claim, work)
        if not found and is_there:
            return
        raise OperationInterruptedError(f"{error.detail} {_without_record(len(found))}") from error

    def _save_state(
        self, space: Workspace, *, is_done: bool
    ) -> tuple[StateFile | None, AgreementUnreadableError | None]:
        """Promote the last state of the run, with what is agreed beside it.

        Returns:
            The state, and why what was agreed could not follow it.

        Raises:
            UnsavedStateError: it could not be promoted; the run directory keeps it.
        """

        def work(session: Session, operation: Operation) -> Saved | None:
            data = record.keep_newest(session, self._store, operation, left)
            if data is None:
                return None
            state, agreed, unread = StateFile.parse(data), NOTHING, None
            try:
                agreed = follow_apply(self._ctx, session, operation, state, is_done=is_done)
            except AgreementUnreadableError as error:
                unread = error
            passed = snapshots.forget_snapshots(session, operation, state.serial)
            return state, agreed, passed, unread

        try:
            left = space.directory.newest_valid_state()
            self._store.reach()
            saved = write_fenced(self._ctx, self._claim, work)
        except (UnavailableError, StateError) as error:
            raise UnsavedStateError(f"The state could not be saved: {error.detail}") from error
        if saved is None:
            return None, None
        state, agreed, passed, unread = saved
        snapshots.remove_passed(self._store, self._claim.stack_id, passed)
        self._recorder.note(f"State saved: serial {state.serial}.", type_="state_saved")
        if agreed.entries:
            self._recorder.note(agreed.sentence(), level="warn", type_="still_different")
        return state, unread

    def _snapshot(self, data: bytes) -> None:
        """Promote a state seen while Terraform runs; trouble here must not stop the apply."""
        trouble = snapshots.snapshot(self._ctx, self._claim, self._store, data)
        if trouble is not None:
            self._recorder.note(f"A snapshot of the state was not saved: {trouble}", level="warn")


def _without_record(count: int) -> str:
    return f"{counted(count, 'resource')} may exist without a record."
