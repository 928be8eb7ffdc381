"""What the steps of one operation share: the claim, the lock, what was found so far, Terraform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.orm import Session

from app.domain.fences import Fence
from app.domain.footprint import Footprint
from app.domain.operation_errors import FenceLostError, OperationCanceledError
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
from app.services.state.fences import next_fence
from app.storage.prepared_init import PreparedInit
from app.storage.run_files import RunFiles
from app.storage.snapshotter import Snapshotter
from app.storage.state_store import HeldState, StateStore
from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary
from app.terraform.events import Event
from app.terraform.identity import ProcessIdentity
from app.terraform.plan import Plan
from app.terraform.process_usage import ProcessUsage
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
    _held: HeldState

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
        self._usage = ProcessUsage()
        self._had_own_provider = False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the stack's state, as its one writer; a move holds it in both places.

        Raises:
            FenceLostError: another process owns the operation now.
            StackBusyError: another process holds the state.
        """
        with ExitStack() as entered:
            if self.claim.facts.moves_state:
                on_volume = self.ctx.store_in(StateBackend.VOLUME)
                entered.enter_context(on_volume.hold(self.claim.stack_id, LOCK_WAIT_SECONDS))
            self._held = self._hold(entered)
            entered.enter_context(self._terraform_spans)
            yield

    def _hold(self, entered: ExitStack) -> HeldState:
        """Become the writer whom SQL has chosen last."""
        store, stack_id = self.store, self.claim.stack_id
        if not store.is_fenced:
            return entered.enter_context(store.hold(stack_id, LOCK_WAIT_SECONDS))
        try:
            self.store = store.fenced(self._next_fence())
            held = self.store.hold(stack_id, LOCK_WAIT_SECONDS, overtakes=True)
            return entered.enter_context(held)
        except FenceLostError:
            # Either another process owns the operation, or SQL forgot a writer, which may live.
            self.store = store.fenced(self._next_fence(store.newest_fence(stack_id)))
            return entered.enter_context(self.store.hold(stack_id, LOCK_WAIT_SECONDS))

    def _next_fence(self, seen: Fence | None = None) -> Fence:
        return self.write(lambda session, _: next_fence(session, self.claim.stack_id, seen))

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
        self._held.renew()
        if self.recorder.is_cancel_requested or self.preemption.poll():
            raise OperationCanceledError("Canceled before anything was changed.")

    @property
    def footprint(self) -> Footprint | None:
        """What Terraform and its provider took; None when a kept provider did the work."""
        if not self._had_own_provider:
            return None
        return Footprint(self._usage.peak_mib, self._usage.cpu_seconds)

    def look(self, work: Callable[[Terraform, ProviderLease | None], T]) -> T:
        """Return what ``work`` finds with Terraform; it changes nothing.

        Raises:
            TerraformError, OperationCanceledError, OperationDeadlineError: as ``looking.look``.
        """

        def terraform(reattach: str | None) -> Terraform:
            self._had_own_provider |= reattach is None
            return self.terraform(reattach=reattach)

        try:
            return look(self.ctx, self.space, terraform, work)
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
        self._had_own_provider |= snapshotter is not None and reattach is None

        def start(identity: ProcessIdentity) -> None:
            self._usage.begin(identity.pid)
            self.recorder.process_started(identity)

        def poll() -> None:
            self._usage.poll()
            keep_working_room(self.ctx)
            if snapshotter is not None:
                snapshotter.poll()
            self.recorder.poll()
            self._held.renew()
            if snapshotter is not None:
                self.recorder.require_lease()

        hooks = StepHooks(
            on_event=on_event or self.recorder.terraform_event,
            on_start=start,
            on_poll=poll,
            should_stop=lambda: self.recorder.is_cancel_requested or self.preemption.poll(),
            should_kill=lambda: self.recorder.is_force_requested or self.preemption.is_wanted,
            pause=self._terraform_spans.pause,
        )
        grace_seconds = self.preemption.grace_seconds
        lock = self._held.descriptor
        terraform = self.space.terraform(self.binary, hooks, grace_seconds, lock, reattach)
        more = self._terraform_spans.environment()
        return replace(terraform, environment={**terraform.environment, **more})


def _find_store(ctx: Context, claim: Claim) -> StateStore:
    """Return the store that an operation works with and whose writer it is.

    Raises:
        StateBucketMissingError: it needs the bucket, and the settings name none.
    """
    if claim.facts.moves_state:
        return ctx.store_in(StateBackend.S3)
    return ctx.state_store(claim.stack_id)
