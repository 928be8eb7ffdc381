"""The entry of the engine: claim an operation, carry it out, and make sure that it ends."""

from __future__ import annotations

import os
import time
from functools import cache, cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.clouds import search
from app.domain.footprint import Footprint
from app.domain.interruptions import OperationInterruptedError
from app.domain.operation_errors import FenceLostError, OperationCanceledError, UnsavedStateError
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus
from app.domain.queueing import Priority
from app.errors import LandformError, UnavailableError, UnexpectedError
from app.logs import get_logger
from app.models import Operation
from app.services.context import Context
from app.services.drift.baselines import has_fresh
from app.services.engine import carried_plans, check_ending, ending
from app.services.engine.claims import INSTANCE, Claim, claim, claim_checks, rehearse, write_fenced
from app.services.engine.heartbeat import Heartbeat
from app.services.engine.provider_batch import ProviderBatch
from app.services.engine.recovery import dead_runs
from app.services.engine.run import OperationRun
from app.services.engine.steps.table import carry_out
from app.services.engine.traces import tracing
from app.services.engine.workspace import installation
from app.services.installation.instances import own_instance
from app.services.queue.dispatch import checks_beside, choose_next, notify_chosen
from app.services.queue.footprints import learn
from app.services.queue.makeable import is_makeable
from app.storage.s3_errors import StateBucketError
from app.storage.state_store import StateStore
from app.storage.volume_errors import VolumeError
from app.storage.work_folder_errors import WorkFolderError
from app.terraform.discovery import TerraformBinary, discover
from app.terraform.identity import ProcessIdentity

CLAIM_ATTEMPTS = 3  # another worker may be faster to the same operation
NICENESS = 10
SHIFT_SECONDS = 10.0  # a worker that is to stop waits so long for its process

log = get_logger(__name__)


class Engine:
    """Carries out operations in one worker process."""

    def __init__(self, ctx: Context, *, may_be_nice: bool = False) -> None:
        """Use ``ctx``; Terraform is looked for when it is first needed.

        Args:
            ctx: the adapters.
            may_be_nice: whether this process, which then ends soon, may give its turn on the
                processor to others while it makes scheduled checks.
        """
        self._ctx = ctx
        self._may_be_nice = may_be_nice

    @cached_property
    def binary(self) -> TerraformBinary:
        """The Terraform of this machine.

        Raises:
            TerraformMissingError: there is none.
        """
        return discover(self._ctx.settings.terraform)

    def rehearse(self) -> bool:
        """Load what every operation needs, so that the job processes forked from this one have it.

        Returns:
            Whether it went through; a database that is away does no harm.
        """
        search.rehearse()
        try:
            choose_next(self._ctx)
            return rehearse(self._ctx)
        except SQLAlchemyError as error:
            log.warning("rehearsal_failed", error=str(error))
            return False
        finally:
            self._ctx.db.close()  # no connection may be open at a fork

    def work(self) -> int:
        """Carry out the operation whose turn it is; do nothing when none may start.

        After a check it goes on with further checks for a while: to begin anew in another process
        costs more than a check. It never goes on to anything that changes a cloud.

        Returns:
            How many times it took something up.
        """
        began, missed, done = time.monotonic(), 0, 0
        while missed < CLAIM_ATTEMPTS and (chosen := choose_next(self._ctx)) is not None:
            is_check = facts_of(chosen.type).checks_drift
            if done and not (is_check and time.monotonic() - began < SHIFT_SECONDS):
                break
            if chosen.priority is Priority.SCHEDULED:
                if self._may_be_nice:
                    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)  # people wait for other processes
                is_done = self.carry_out_checks(chosen.id)
            else:
                is_done = self.carry_out(chosen.id)
            done, missed = done + is_done, 0 if is_done else missed + 1
            if is_done and not is_check:
                break
        if done:  # what it frees may be what others wait for
            with self._ctx.write() as session:
                notify_chosen(session, self._ctx.settings)
        return done

    def carry_out(self, operation_id: str) -> bool:
        """Carry out one operation if it may run now; tell whether it was claimed.

        Must be called in the main thread of the process: Terraform gets its SIGINT when the
        thread that started it dies.
        """
        if self._usable_store(operation_id) is None:
            return False
        if not self._has_plan(operation_id):
            return False
        taken = claim(self._ctx, operation_id, *_own_identity(self._ctx))
        if taken is None:
            log.info("operation_not_claimed", operation_id=operation_id)
            return False
        self._run(taken)
        return True

    def carry_out_checks(self, operation_id: str) -> bool:
        """Carry out a scheduled check, and more of them if their provider alone will do.

        Returns:
            Whether any was claimed.
        """
        store = self._usable_store(operation_id)
        if store is None:
            return False
        ctx = self._ctx

        def choose(session: Session) -> list[str]:
            is_known = has_fresh(ctx.settings) & is_makeable(session, ctx.catalog)
            return checks_beside(session, ctx.settings, operation_id, is_known)

        claims = claim_checks(ctx, choose, *_own_identity(ctx))
        if not claims:
            log.info("operation_not_claimed", operation_id=operation_id)
            return False
        programs = cache(lambda cloud: installation(ctx, cloud, self.binary))
        left = ProviderBatch(ctx, claims, store, programs).carry_out()
        if left is not None:
            self._run(left)
        return True

    def _usable_store(self, operation_id: str) -> StateStore | None:
        """Return the store of the operation's stack, or None while no work on it can begin."""
        try:
            store = self._ctx.state_store(self._stack_of(operation_id))
            store.check()
            self._ctx.runs.check()
        except (VolumeError, StateBucketError, WorkFolderError) as error:
            # It stays pending: an accepted request must not fail because a disk was away.
            log.error("place_unusable", operation_id=operation_id, detail=error.detail)
            return None
        return store

    def _has_plan(self, operation_id: str) -> bool:
        """Tell whether the operation may be claimed: an approved plan has to be on this host."""
        try:
            return carried_plans.bring(self._ctx, operation_id, self.binary)
        except UnavailableError as error:
            log.error("plan_not_brought", operation_id=operation_id, detail=error.detail)
            return False

    def _stack_of(self, operation_id: str) -> str:
        query = select(Operation.stack_id).where(Operation.id == operation_id)
        return self._ctx.ask(lambda session: session.scalar(query)) or ""

    def _run(self, taken: Claim) -> None:
        """Do the work on a claimed operation, as a part of the trace of who asked for it."""
        with tracing(taken):
            self._do(taken)

    def _do(self, taken: Claim) -> None:
        operation_id = taken.operation_id
        log.info(
            "operation_claimed", operation_id=operation_id, type=taken.facts.name, fence=taken.fence
        )
        try:
            run = OperationRun(self._ctx, taken, Heartbeat(self._ctx, taken), self.binary)
            carry_out(run)
            self._learn(taken, run.footprint)
        except FenceLostError:
            log.warning("fence_lost", operation_id=operation_id)
        except LandformError as error:
            self._fail(taken, error)
        except Exception as error:  # broad: an operation must end whatever bug there is
            log.exception("operation_crashed", operation_id=operation_id)
            # Only what salvage does keeps the state of an apply that ended in the middle.
            reason = f"The engine failed ({type(error).__name__})"
            if not dead_runs.interrupt(self._ctx, operation_id, taken.fence, reason):
                self._fail(taken, self._explain(taken, error))
        log.info("operation_left", operation_id=operation_id)

    def _learn(self, taken: Claim, sample: Footprint | None) -> None:
        """Keep what an operation took that went well; one that was stopped tells too little."""
        if sample is None or not self._ctx.settings.operation_memory_learned:
            return
        try:
            with self._ctx.write() as session:
                learn(session, taken.stack_id, sample)
        except SQLAlchemyError as error:
            log.warning("footprint_not_kept", operation_id=taken.operation_id, error=str(error))

    def _explain(self, taken: Claim, error: Exception) -> LandformError:
        """Return what a person is told about an error that nothing has foreseen."""
        directory = self._ctx.runs.of(taken.operation_id)
        if isinstance(error, OSError) and not directory.exists:
            return UnavailableError(
                f"The run directory {directory.path} was removed while the operation ran.",
                advice="Nothing was changed in the cloud. Find out what removes folders there, and "
                "start the operation again.",
            )
        return UnexpectedError(f"{type(error).__name__} in the engine.")

    def _fail(self, taken: Claim, error: LandformError) -> None:
        log.warning(
            "operation_failed",
            operation_id=taken.operation_id,
            code=error.code,
            detail=error.detail,
        )

        def work(session: Session, operation: Operation) -> bool:
            more: dict[str, Any] = {}
            is_canceled = isinstance(error, OperationCanceledError)
            if taken.facts.checks_drift and not is_canceled:
                more = check_ending.give_up(session, operation, error)
            operation.has_unsaved_state |= isinstance(error, UnsavedStateError)
            status = _outcome(OperationStatus(operation.status), error)
            ending.end(session, operation, status, error, **more)
            return operation.has_unsaved_state

        try:
            keeps_directory = write_fenced(self._ctx, taken, work)
        except FenceLostError:
            log.warning("fence_lost", operation_id=taken.operation_id)
            return
        if not keeps_directory:
            self._ctx.runs.of(taken.operation_id).remove()


def _own_identity(ctx: Context) -> tuple[str, dict[str, Any]]:
    """Return the readable name of this process, and that by which the reaper finds it."""
    identity = ProcessIdentity.of(os.getpid())
    process = identity.to_dict() | {INSTANCE: own_instance(ctx)}
    return f"{identity.host}:{identity.pid}", process


def _outcome(status: OperationStatus, error: LandformError) -> OperationStatus:
    if isinstance(error, OperationInterruptedError):
        return OperationStatus.INTERRUPTED
    is_cancel = isinstance(error, OperationCanceledError)
    if is_cancel and status is OperationStatus.CANCELING:
        return OperationStatus.CANCELED
    return OperationStatus.ERRORED
