"""What the steps of one operation share: the claim, the lock, what was found so far, Terraform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.orm import Session

from app.domain.operation_errors import OperationCanceledError
from app.domain.stacks import StateBackend
from app.domain.state_file import StateFile
from app.models import Operation
from app.services.context import Context
from app.services.engine.claims import Claim, write_fenced
from app.services.engine.heartbeat import Heartbeat
from app.services.engine.pooled_steps import look
from app.services.engine.preemption import Preemption
from app.services.engine.recorder import Recorder
from app.services.engine.traces import TerraformSpans
from app.services.engine.workspace import Workspace
from app.services.installation.disk_reserve import keep_working_room
from app.storage.prepared_init import PreparedInit
from app.storage.run_files import RunFiles
from app.storage.snapshotter import Snapshotter
from app.storage.state_store import StateStore
from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary
from app.terraform.events import Event
from app.terraform.plan import Plan
from app.terraform.provider_lease import ProviderLease
from app.terraform.terraform_errors import TerraformError

T = TypeVar("T")

LOCK_WAIT_SECONDS = 10.0


class OperationRun:
    """The work on one operation by the process that claimed it.

    Attributes:
        space: the run directory, once it was prepared or opened again.
        files: with what it was filled, once it was prepared.
        prepared: what ``init`` made of it, or of one like it.
        plan: what Terraform would do, once it has planned.
        state: what is of record after an apply.
        is_over: whether the operation has ended, or waits for approval; no step follows.
    """

    space: Workspace
    files: RunFiles
    prepared: PreparedInit
    plan: Plan
    state: StateFile | None = None
    is_over: bool = False
    _lock: int

    def __init__(
        self, ctx: Context, claim: Claim, heartbeat: Heartbeat, binary: TerraformBinary
    ) -> None:
        """Prepare; nothing is done yet.

        Raises:
            StateBucketMissingError: it needs the bucket, and the settings name none.
        """
        self.ctx = ctx
        self.claim = claim
        self.binary = binary
        self.recorder = Recorder(ctx, claim, heartbeat)
        self.preemption = Preemption(ctx, claim)
        self.store = _find_store(ctx, claim)
        self._terraform_spans = TerraformSpans()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the stack's state, as its one writer."""
        with self.store.hold(self.claim.stack_id, LOCK_WAIT_SECONDS) as lock:
            self._lock = lock
            with self._terraform_spans:
                yield

    def write(self, work: Callable[[Session, Operation], T]) -> T:
        """Do ``work`` on the operation, in a transaction; see ``write_fenced``.

        Raises:
            FenceLostError: another process owns the operation now.
        """
        return write_fenced(self.ctx, self.claim, work)

    def stop_if_asked(self) -> None:
        """Check for a cancel request; a step without Terraform calls this between its parts.

        Raises:
            FenceLostError: this process must write nothing more.
            OperationCanceledError: people do not want the operation, or want something else first.
        """
        self.recorder.poll()
        if self.recorder.is_cancel_requested or self.preemption.poll():
            raise OperationCanceledError("Canceled before anything was changed.")

    def look(self, work: Callable[[Terraform, ProviderLease | None], T]) -> T:
        """Return what ``work`` finds with Terraform; it changes nothing.

        Raises:
            TerraformError, OperationCanceledError, OperationDeadlineError: as ``looking.look``.
        """
        try:
            return look(
                self.ctx, self.space, lambda reattach: self.terraform(reattach=reattach), work
            )
        except TerraformError:
            self.prepared.forget()  # it would fail each time if it were to blame
            raise

    def terraform(
        self,
        snapshotter: Snapshotter | None = None,
        on_event: Callable[[Event], None] | None = None,
        reattach: str | None = None,
    ) -> Terraform:
        """Return Terraform set up for the run directory, with the hooks of this operation.

        Args:
            snapshotter: promotes states while Terraform runs; given where it changes the cloud.
            on_event: hears what Terraform tells; the recorder, if nobody else.
            reattach: a provider that runs already.
        """

        def poll() -> None:
            keep_working_room(self.ctx)
            if snapshotter is not None:
                snapshotter.poll()
            self.recorder.poll()
            if snapshotter is not None:
                self.recorder.require_lease()

        hooks = StepHooks(
            on_event=on_event or self.recorder.terraform_event,
            on_start=self.recorder.process_started,
            on_poll=poll,
            should_stop=lambda: self.recorder.is_cancel_requested or self.preemption.poll(),
            should_kill=lambda: self.recorder.is_force_requested or self.preemption.is_wanted,
            pause=self._terraform_spans.pause,
        )
        grace_seconds = self.preemption.grace_seconds
        terraform = self.space.terraform(self.binary, hooks, grace_seconds, self._lock, reattach)
        more = self._terraform_spans.environment()
        return replace(terraform, environment={**terraform.environment, **more})


def _find_store(ctx: Context, claim: Claim) -> StateStore:
    """Return the store that an operation works with and whose writer it is.

    A move is the writer in both places: the bucket's lock includes the one on the volume.

    Raises:
        StateBucketMissingError: it needs the bucket, and the settings name none.
    """
    if claim.facts.moves_state:
        return ctx.store_in(StateBackend.S3)
    return ctx.state_store(claim.stack_id)
