"""Tell SQL what an operation is doing: steps with timings, events, the process that runs.

Events are buffered and written a few times a second in one fenced transaction, which also brings
back whether somebody asked to cancel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, null, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.db_outages import is_outage
from app.domain.operation_errors import FenceLostError
from app.domain.operations import OperationStatus, StepName, StepStatus
from app.errors import LandformError
from app.logs import get_logger
from app.models import Operation, OperationEvent, OperationStep
from app.services.context import Context
from app.services.engine.claims import Asked, Claim, write_beside
from app.services.engine.heartbeat import Heartbeat
from app.services.engine.traces import ResourceSpans
from app.terraform.events import Event
from app.terraform.identity import ProcessIdentity
from app.tracing.tracer import traced

FLUSH_SECONDS = 0.3
URGENT = frozenset({"apply_start", "apply_complete", "apply_errored"})
FOLLOWED = (StepName.PREPARE, StepName.INIT)
"""Steps that are written with the next one; whoever makes none after them flushes."""
MAX_MESSAGE = 4000
MAX_DETAIL = 1000

log = get_logger(__name__)


@dataclass(eq=False)
class _Step:
    """A step as it is now; ``number`` is that of its row, once it has one."""

    values: dict[str, Any]
    number: int | None = None

    def store(self, session: Session) -> int:
        """Insert or update the row and return its number."""
        if self.number is None:
            statement = insert(OperationStep).values(self.values)
            return session.execute(statement.returning(OperationStep.id)).scalar_one()
        session.execute(
            update(OperationStep).where(OperationStep.id == self.number).values(self.values)
        )
        return self.number


class Recorder:
    """Writes the story of one claimed operation."""

    def __init__(self, ctx: Context, claim: Claim, heartbeat: Heartbeat) -> None:
        """Prepare; nothing is written yet."""
        self._ctx = ctx
        self._claim = claim
        self._heartbeat = heartbeat
        self._events: list[dict[str, Any]] = []
        self._steps: list[_Step] = []
        self._has_process = False
        self._flushed_at = 0.0
        self._is_urgent = False
        self._resources = ResourceSpans()
        self.is_cancel_requested = False
        self.is_force_requested = False

    @contextmanager
    def step(self, name: StepName) -> Iterator[None]:
        """Record a step around the block: running, then done or failed.

        It is written when something else is; one that is over before that is written once.
        """
        step = _Step(
            {
                "operation_id": self._claim.operation_id,
                "name": name.value,
                "status": StepStatus.RUNNING.value,
                "started_at": utc_now(),
            }
        )
        self._steps.append(step)
        self._event("step", "info", f"Step {name.value} started.", {"step": name.value})
        status, detail = StepStatus.DONE, None
        try:
            with traced(name.value, landform__operation__id=self._claim.operation_id):
                yield
        except LandformError as error:
            status, detail = StepStatus.FAILED, error.detail[:MAX_DETAIL]
            raise
        finally:
            self._end_step(step, name, status, detail)

    def note(self, message: str, *, level: str = "info", type_: str = "note", **data: Any) -> None:
        """Add an event of Landform's own."""
        self._event(type_, level, message, data or None)

    def terraform_event(self, event: Event) -> None:
        """Add an event that Terraform reported.

        What became of a resource is written at the next poll: it must be known in SQL also when
        this process and the run directory are gone.
        """
        told = event
        if event.diagnostic is not None:
            told = replace(event, diagnostic=event.diagnostic.shortened(MAX_MESSAGE))
        # The message has its own column.
        data = {name: value for name, value in told.to_dict().items() if name != "message"}
        self._is_urgent |= event.type in URGENT
        self._resources.follow(event)
        self._event(event.type, event.level, event.message, data)

    def init_event(self, event: Event) -> None:
        """Add an event of ``init`` that a person can use: trouble, but not its talk of set-up.

        Providers come from a mirror, where Terraform warns each time that its lock file names one
        platform only; run directories are thrown away, so that means nothing here.
        """
        is_lock_file = event.message.startswith("Warning: Incomplete lock file information")
        if event.level != "info" and not is_lock_file:
            self.terraform_event(event)

    def process_started(self, identity: ProcessIdentity) -> None:
        """Remember the Terraform that runs, so that the reaper can find it."""
        self._write(lambda session: self._set_process(session, identity.to_dict()))
        self._has_process = True

    def poll(self) -> None:
        """Write what has gathered if it is time.

        Raises:
            FenceLostError: this process must stop its Terraform and write nothing more.
        """
        self._heartbeat.poll()
        if self._heartbeat.is_lost:
            raise FenceLostError(f"Operation {self._claim.operation_id} has another owner.")
        if self._is_urgent or time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()

    def require_lease(self) -> None:
        """Go on with a change of the cloud only while no other host may take the operation over.

        Raises:
            LeaseLapsedError: it must stop.
        """
        self._heartbeat.require_lease()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Have the watchdog of this host see to it that Terraform stops before the lease ends."""
        self._heartbeat.note_for_watchdog()
        try:
            yield
        finally:
            self._heartbeat.forget_note()

    def flush(self) -> None:
        """Write the buffered events and look whether a person asked to cancel."""
        self._flushed_at, self._is_urgent = time.monotonic(), False
        try:
            if self._events or self._steps:
                self._write(patience_seconds=0)
            else:
                self._read_cancel()
        except DBAPIError as error:
            if not is_outage(error):
                raise
            # Terraform goes on; what is buffered is written when the database is back.
            log.warning("events_kept", operation_id=self._claim.operation_id, error=str(error.orig))

    def write_out(self) -> None:
        """Write the buffered events, however long the database is away: nothing follows them."""
        if self._events or self._steps:
            self._write()

    def _read_cancel(self) -> None:
        query = select(Operation.status, Operation.force_requested_at).where(
            Operation.id == self._claim.operation_id
        )
        with self._ctx.read(patience_seconds=0) as session:
            found = session.execute(query).one_or_none()
        if found is not None:
            status, forced_at = found
            self._note_cancel(Asked(status == OperationStatus.CANCELING, forced_at is not None))

    def _write(
        self,
        beside: Callable[[Session], None] | None = None,
        patience_seconds: float | None = None,
    ) -> None:
        """Write what is buffered, and what ``beside`` adds, in one transaction."""
        events, steps, written = self._events, self._steps, list[int]()

        def work(session: Session) -> None:
            if beside is not None:
                beside(session)
            written[:] = [step.store(session) for step in steps]
            if events:
                session.execute(insert(OperationEvent), events)

        self._note_cancel(write_beside(self._ctx, self._claim, work, patience_seconds))
        for step, number in zip(steps, written, strict=True):
            step.number = number
        self._events, self._steps = [], []

    def _note_cancel(self, asked: Asked) -> None:
        self.is_cancel_requested = asked.is_cancel
        self.is_force_requested = asked.is_force

    def _set_process(self, session: Session, process: dict[str, Any] | None) -> None:
        session.execute(
            update(Operation)
            .where(Operation.id == self._claim.operation_id)
            .values(process=null() if process is None else process)
        )

    def _end_step(
        self, step: _Step, name: StepName, status: StepStatus, detail: str | None
    ) -> None:
        self._event(
            "step",
            "error" if status is StepStatus.FAILED else "info",
            f"Step {name.value} {status.value}.",
            {"step": name.value, "status": status.value},
        )
        step.values |= {"status": status.value, "ended_at": utc_now(), "detail": detail}
        if step not in self._steps:
            self._steps.append(step)
        if name in FOLLOWED and status is StepStatus.DONE and not self._has_process:
            return  # the step that follows writes both
        self._write(self._forget_process if self._has_process else None)
        self._has_process = False

    def _forget_process(self, session: Session) -> None:
        self._set_process(session, None)

    def _event(
        self,
        type_: str,
        level: str,
        message: str,
        data: dict[str, Any] | None,
        at: datetime | None = None,
    ) -> None:
        self._events.append(
            {
                "operation_id": self._claim.operation_id,
                "at": at or utc_now(),
                "type": type_[:40],
                "level": level[:8],
                "message": message[:MAX_MESSAGE],
                "data": data,
            }
        )
