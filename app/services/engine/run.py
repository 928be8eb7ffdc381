"""Carry one claimed operation from its plan to its end.

The order of things that must survive a crash: the private state copy is promoted while Terraform
runs and once more at its end; only then does the operation end in SQL and its run directory go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from app.clock import utc_now
from app.domain.operations import OperationStatus, OperationType, StepName
from app.domain.state_file import StateFile
from app.errors import (
    FenceLostError,
    LandformError,
    OperationCanceledError,
    OperationInterruptedError,
    PlanStaleError,
    StateError,
    TerraformError,
    UnavailableError,
    UnsavedStateError,
)
from app.logs import get_logger
from app.models import OperationPlan
from app.services import references
from app.services.context import Context
from app.services.drift.actions import ABOUT_DRIFT, require_same_drift
from app.services.engine import check_ending, ending, settling, state_keeping, workspace
from app.services.engine.approval import must_wait_for_approval
from app.services.engine.claims import Claim, Heartbeat, begin_applying, fenced
from app.services.engine.drift_check import describe_drift
from app.services.engine.drift_look import DriftLook
from app.services.engine.giving_way import GivingWay
from app.services.engine.looking import look
from app.services.engine.orphans import find_orphans
from app.services.engine.quick_check import Basis
from app.services.engine.recorder import Recorder
from app.services.engine.rollback import read_forgotten
from app.services.engine.state_move import StateMove, find_store
from app.services.engine.workspace import Workspace
from app.services.headroom import keep_working_room
from app.services.operation_status import move, release
from app.services.webhooks import outbox
from app.storage.parked_run import park
from app.storage.prepared_init import PreparedInit
from app.storage.run_files import RunFiles
from app.storage.snapshotter import Snapshotter
from app.storage.state_store import StateStore
from app.terraform.arguments import PlanMode
from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary
from app.terraform.events import Event
from app.terraform.plan import Plan
from app.terraform.provider_loan import Loan

T = TypeVar("T")

SNAPSHOT_SECONDS = 0.5
LOCK_WAIT_SECONDS = 10.0
PLAN_MODES = {
    OperationType.DESTROY: PlanMode.DESTROY,
    OperationType.ACCEPT_DRIFT: PlanMode.REFRESH_ONLY,
}

log = get_logger(__name__)


class OperationRun:
    """The work on one operation by the process that claimed it."""

    _lock: int
    _files: RunFiles
    _prepared: PreparedInit

    def __init__(
        self, ctx: Context, claim: Claim, heartbeat: Heartbeat, binary: TerraformBinary
    ) -> None:
        """Prepare; nothing is done yet."""
        self._ctx = ctx
        self._claim = claim
        self._binary = binary
        self._recorder = Recorder(ctx, claim, heartbeat)
        self._giving_way = GivingWay(ctx, claim)
        self._store: StateStore = find_store(ctx, claim)

    def carry_out(self) -> None:
        """Do the work and end the operation, or leave it waiting for approval.

        Raises:
            LandformError: why it did not succeed; the caller ends the operation with it.
        """
        with self._store.hold(self._claim.stack_id, LOCK_WAIT_SECONDS) as lock:
            self._lock = lock
            self._work()

    def _work(self) -> None:
        if self._claim.is_approved:
            self._apply(self._reopen())
            return
        if self._claim.type is OperationType.DESTROY and self._was_never_made():
            return
        if self._claim.type is OperationType.MOVE_STATE:
            StateMove(self._ctx, self._claim, self._recorder).carry_out()
            return
        if self._claim.type is OperationType.DRIFT_CHECK:
            self._check()
            return
        space = self._prepare()
        plan = self._plan(space)
        self._require_same_drift(plan)
        if self._decide(plan, space):
            self._apply(space)

    def _was_never_made(self) -> bool:
        """End the destroy of a stack that has no state; its references may have no outputs."""
        with fenced(self._ctx, self._claim) as (session, operation):
            if state_keeping.load_state(session, self._store, operation) is not None:
                return False
        with self._recorder.step(StepName.PREPARE):
            self._recorder.note("Nothing was ever made, so there is nothing to destroy.")
        self._recorder.flush()
        with fenced(self._ctx, self._claim) as (session, operation):
            references.refuse_used(operation.stack)
            move(operation, OperationStatus.PLANNED)
            begin_applying(operation)
            ending.end(session, operation, OperationStatus.APPLIED)
        return True

    def _prepare(self) -> Workspace:
        with (
            self._recorder.step(StepName.PREPARE),
            fenced(self._ctx, self._claim) as (session, operation),
        ):
            space, files = workspace.prepare(self._ctx, session, self._store, operation)
        with self._recorder.step(StepName.INIT):
            installation = workspace.installation(self._ctx.settings, self._binary)
            self._files = files
            self._prepared = PreparedInit(self._ctx.settings.work_dir, files, installation)
            if not self._prepared.restore(space.directory):
                terraform = self._terraform(space, on_event=self._recorder.init_event)
                seconds = self._ctx.settings.plan_timeout_seconds
                terraform.init(seconds, is_locked=files.is_locked)
                self._prepared.keep(space.directory)
        return space

    def _reopen(self) -> Workspace:
        with fenced(self._ctx, self._claim) as (_, operation):
            space = workspace.reopen(self._ctx, operation)
        if not space.directory.plan_path.exists():
            raise PlanStaleError("The approved plan is not on this host any more.")
        return space

    def _check(self) -> None:
        """Check for drift; one of the clock stops when people want the stack meanwhile."""
        try:
            self._check_drift(self._prepare())
        except OperationCanceledError:
            if not (self._giving_way.is_wanted and self._giving_way.queue_again()):
                raise

    def _check_drift(self, space: Workspace) -> None:
        with self._recorder.step(StepName.PLAN):
            basis = None
            if self._ctx.settings.drift_full_seconds:
                identity = self._claim.operation_id
                basis = Basis.of(identity, space.provider, self._files, self._prepared)
            drift_look = DriftLook(self._ctx, self._claim, space, basis, self._stop_if_asked)
            result = self._look(space, drift_look.see)
        with self._recorder.step(StepName.SAVE):
            self._recorder.note(result.sentence())
        check_ending.finish(self._ctx, self._claim, result)
        space.directory.remove()

    def _stop_if_asked(self) -> None:
        """Do what is done several times a second while Terraform runs, where it does not.

        Raises:
            FenceLostError: this process must write nothing more.
            OperationCanceledError: people do not want the check, or want something else first.
        """
        self._recorder.poll()
        if self._recorder.is_cancel_requested or self._giving_way.poll():
            raise OperationCanceledError("Canceled before anything was changed.")

    def _plan(self, space: Workspace) -> Plan:
        seconds = self._ctx.settings.plan_timeout_seconds
        mode = PLAN_MODES.get(self._claim.type, PlanMode.NORMAL)

        def work(terraform: Terraform, _: Loan | None) -> Plan:
            terraform.plan(
                space.directory.plan_path,
                seconds,
                mode=mode,
                targets=self._claim.options.targets,
                replace=self._claim.options.replace,
            )
            return terraform.show_plan(space.directory.plan_path, seconds)

        with self._recorder.step(StepName.PLAN):
            plan = self._look(space, work)
            self._save_plan(plan, read_forgotten(space.directory))
        return plan

    def _look(self, space: Workspace, work: Callable[[Terraform, Loan | None], T]) -> T:
        try:
            return look(
                self._ctx, space, lambda reattach: self._terraform(space, reattach=reattach), work
            )
        except TerraformError:
            self._prepared.forget()  # it would fail each time if it were to blame
            raise

    def _require_same_drift(self, plan: Plan) -> None:
        """Refuse to undo or accept another drift than people have seen."""
        if self._claim.type in ABOUT_DRIFT:
            with self._ctx.read() as session:
                report_id = self._claim.options.report_id
                require_same_drift(session, report_id, describe_drift(plan))

    def _save_plan(self, plan: Plan, forgotten: list[dict[str, Any]]) -> None:
        shown = plan.to_dict() | ({"forgotten": forgotten} if forgotten else {})
        document = json.dumps(shown).encode()
        with fenced(self._ctx, self._claim) as (session, operation):
            operation.plan_summary = plan.summary.to_dict()
            sealed = self._ctx.keys.encrypt(document, f"plan:{operation.id}")
            plan_row = OperationPlan(
                operation_id=operation.id, sealed_changes=sealed, created_at=utc_now()
            )
            session.merge(plan_row)

    def _decide(self, plan: Plan, space: Workspace) -> bool:
        """Tell whether to apply now; otherwise end or park the operation."""
        with self._recorder.step(StepName.CHECK):
            self._recorder.note(plan.summary.sentence())
            for item in read_forgotten(space.directory):
                message = f"{item['address']} ({item['id']}) {item['reason']}."
                self._recorder.note(message, level="warn", type_="forgotten")
        if self._recorder.is_cancel_requested:
            raise OperationCanceledError("Canceled before anything was changed.")
        # A destroy and a rollback have work to do also when the plan has no changes.
        is_work = self._claim.type in (OperationType.DESTROY, OperationType.ROLLBACK)
        # An earlier run may have died between a deletion and its record: nothing has to be changed,
        # but the state still lists what is gone until it is written anew.
        is_mending = self._claim.type in (OperationType.APPLY, OperationType.RECONCILE)
        is_work |= is_mending and plan.has_gone
        is_work |= self._claim.type is OperationType.ACCEPT_DRIFT and bool(plan.drift)
        if self._claim.type is OperationType.PLAN or not (plan.has_changes or is_work):
            data = space.directory.state_bytes()
            is_apply = is_mending and data is not None
            outputs = StateFile.parse(data or b"").outputs if is_apply else None
            status = OperationStatus.PLANNED_AND_FINISHED
            ending.finish(self._ctx, self._claim, status, outputs)
            space.directory.remove()
            return False
        with fenced(self._ctx, self._claim) as (session, operation):
            move(operation, OperationStatus.PLANNED)
            if must_wait_for_approval(session, operation, plan):
                park(space.directory, self._ctx.keys)
                release(operation)
                if operation.approved_at is None:
                    outbox.approval_wanted(session, operation)
                return False
            begin_applying(operation)
        return True

    def _apply(self, space: Workspace) -> None:
        if self._claim.type is OperationType.ROLLBACK:
            self._go_back(space)
        snapshotter = Snapshotter(
            space.directory.state_path,
            self._snapshot,
            SNAPSHOT_SECONDS,
            baseline=space.directory.state_bytes(),
        )
        failure: LandformError | None = None
        try:
            with self._recorder.step(StepName.APPLY):
                terraform = self._terraform(space, snapshotter)
                terraform.apply(space.directory.plan_path, self._ctx.settings.apply_timeout_seconds)
                self._settle(space, snapshotter)
        except FenceLostError:
            raise
        except LandformError as error:
            failure = error
            self._recorder.note(error.detail, level="error", type_="failure")
        # What was done is kept whatever the end was; only then is the failure told.
        with self._recorder.step(StepName.SAVE):
            state = self._save_state(space)
        if failure is not None:
            self._name_orphans(space, state, failure)
            raise failure
        outputs = state.outputs if state else {}
        ending.finish(self._ctx, self._claim, OperationStatus.APPLIED, outputs)
        space.directory.remove()

    def _settle(self, space: Workspace, snapshotter: Snapshotter) -> None:
        if space.refreshes_after_apply and self._claim.type in settling.MAKING:
            settling.settle(
                self._ctx,
                space,
                self._claim,
                self._recorder,
                lambda reattach: self._terraform(space, snapshotter, settling.keep_quiet, reattach),
            )

    def _go_back(self, space: Workspace) -> None:
        """Make the raised old state the state of record, before Terraform works on it.

        Raises:
            StateError, VolumeError: it cannot be; nothing was changed.
        """
        data = space.directory.state_bytes() or b""
        with fenced(self._ctx, self._claim) as (session, operation):
            stored = state_keeping.promote(session, self._store, operation, data)
            operation.possibly_orphaned = read_forgotten(space.directory)
        self._recorder.note(
            f"Serial {self._claim.options.serial} is the present state again, as {stored.serial}.",
            type_="state_saved",
        )

    def _name_orphans(
        self, space: Workspace, state: StateFile | None, failure: LandformError
    ) -> None:
        """Say what Terraform began to create and did not record, because it ended suddenly.

        Raises:
            OperationInterruptedError: there is something to look at.
        """
        found = find_orphans(space.directory, state)
        if not found:
            return
        with fenced(self._ctx, self._claim) as (_, operation):
            operation.possibly_orphaned = found
        raise OperationInterruptedError(
            f"{failure.detail} {len(found)} resources may exist without a record."
        ) from failure

    def _save_state(self, space: Workspace) -> StateFile | None:
        """Promote the last state of the run and return it.

        Raises:
            UnsavedStateError: it could not be promoted; the run directory keeps it.
        """
        left = space.directory.newest_valid_state()
        try:
            self._store.reach()
            with fenced(self._ctx, self._claim) as (session, operation):
                data = state_keeping.settle(session, self._store, operation, left)
                if data is None:
                    return None
                state = StateFile.parse(data)
                passed = state_keeping.forget_snapshots(session, operation, state.serial)
        except (UnavailableError, StateError) as error:
            raise UnsavedStateError(f"The state could not be saved: {error.detail}") from error
        state_keeping.remove_passed(self._store, self._claim.stack_id, passed)
        self._recorder.note(f"State saved: serial {state.serial}.", type_="state_saved")
        return state

    def _snapshot(self, data: bytes) -> None:
        """Promote a state seen while Terraform runs; trouble here must not stop the apply."""
        try:
            self._store.reach()
            with fenced(self._ctx, self._claim) as (session, operation):
                state_keeping.promote(session, self._store, operation, data)
        except (UnavailableError, StateError) as error:
            self._recorder.note(
                f"A snapshot of the state was not saved: {error.detail}", level="warn"
            )

    def _terraform(
        self,
        space: Workspace,
        snapshotter: Snapshotter | None = None,
        on_event: Callable[[Event], None] | None = None,
        reattach: str | None = None,
    ) -> Terraform:
        def poll() -> None:
            keep_working_room(self._ctx)
            if snapshotter is not None:
                snapshotter.poll()
            self._recorder.poll()

        hooks = StepHooks(
            on_event=on_event or self._recorder.terraform_event,
            on_start=self._recorder.process_started,
            on_poll=poll,
            should_stop=lambda: self._recorder.is_cancel_requested or self._giving_way.poll(),
            should_kill=lambda: self._recorder.is_force_requested or self._giving_way.is_wanted,
        )
        grace_seconds = self._giving_way.grace_seconds
        return space.terraform(self._binary, hooks, grace_seconds, self._lock, reattach)
