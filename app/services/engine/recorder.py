"""Tell SQL what an operation is doing: steps with timings, events, the process that runs.

Events are buffered and written a few times a second in one fenced transaction, which also brings
back whether somebody asked to cancel.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import null, select, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus, StepName, StepStatus
from app.errors import FenceLostError, LandformError
from app.models import Operation, OperationEvent, OperationStep
from app.services.context import Context
from app.services.engine.claims import Asked, Claim, Heartbeat, writing
from app.terraform.events import Event
from app.terraform.identity import ProcessIdentity

FLUSH_SECONDS = 0.3
FOLLOWED = (StepName.PREPARE, StepName.INIT)
"""Steps that are written with the next one; whoever makes none after them flushes."""
MAX_MESSAGE = 4000
MAX_DETAIL = 1000


class Recorder:
    """Writes the story of one claimed operation."""

    def __init__(self, ctx: Context, claim: Claim, heartbeat: Heartbeat) -> None:
        """Prepare; nothing is written yet."""
        self._ctx = ctx
        self._claim = claim
        self._heartbeat = heartbeat
        self._buffer: list[OperationEvent | OperationStep] = []
        self._has_process = False
        self._flushed_at = 0.0
        self.is_cancel_requested = False
        self.is_force_requested = False

    @contextmanager
    def step(self, name: StepName) -> Iterator[None]:
        """Record a step around the block: running, then done or failed.

        It is written when something else is; one that is over before that is written once.
        """
        row = OperationStep(
            operation_id=self._claim.operation_id,
            name=name.value,
            status=StepStatus.RUNNING.value,
            started_at=utc_now(),
        )
        self._buffer.append(row)
        self._event("step", "info", f"Step {name.value} started.", {"step": name.value})
        status, detail = StepStatus.DONE, None
        try:
            yield
        except LandformError as error:
            status, detail = StepStatus.FAILED, error.detail[:MAX_DETAIL]
            raise
        finally:
            self._end_step(row, name, status, detail)

    def note(self, message: str, *, level: str = "info", type_: str = "note", **data: Any) -> None:
        """Add an event of Landform's own."""
        self._event(type_, level, message, data or None)

    def terraform_event(self, event: Event) -> None:
        """Add an event that Terraform reported."""
        self._event(event.type, event.level, event.message, event.to_dict())

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
        with writing(self._ctx, self._claim) as (session, asked):
            self._set_process(session, identity.to_dict())
            session.add_all(self._buffer)
            self._note_cancel(asked)
        self._buffer, self._has_process = [], True

    def poll(self) -> None:
        """Write what has gathered if it is time.

        Raises:
            FenceLostError: this process must stop its Terraform and write nothing more.
        """
        self._heartbeat.poll()
        if self._heartbeat.is_lost:
            raise FenceLostError(f"Operation {self._claim.operation_id} has another owner.")
        if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the buffered events and look whether a person asked to cancel."""
        self._flushed_at = time.monotonic()
        if not self._buffer:
            self._read_cancel()
            return
        with writing(self._ctx, self._claim) as (session, asked):
            session.add_all(self._buffer)
            self._note_cancel(asked)
        self._buffer = []

    def _read_cancel(self) -> None:
        query = select(Operation.status, Operation.force_requested_at).where(
            Operation.id == self._claim.operation_id
        )
        with self._ctx.read() as session:
            found = session.execute(query).one_or_none()
        if found is not None:
            status, forced_at = found
            self._note_cancel(Asked(status == OperationStatus.CANCELING, forced_at is not None))

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
        self, row: OperationStep, name: StepName, status: StepStatus, detail: str | None
    ) -> None:
        self._event(
            "step",
            "error" if status is StepStatus.FAILED else "info",
            f"Step {name.value} {status.value}.",
            {"step": name.value, "status": status.value},
        )
        row.status, row.ended_at, row.detail = status.value, utc_now(), detail
        if name in FOLLOWED and status is StepStatus.DONE and not self._has_process:
            return  # the step that follows writes both
        with writing(self._ctx, self._claim) as (session, asked):
            if self._has_process:
                self._set_process(session, None)
            session.add_all([row, *self._buffer])
            self._note_cancel(asked)
        self._buffer, self._has_process = [], False

    def _event(
        self,
        type_: str,
        level: str,
        message: str,
        data: dict[str, Any] | None,
        at: datetime | None = None,
    ) -> None:
        self._buffer.append(
            OperationEvent(
                operation_id=self._claim.operation_id,
                at=at or utc_now(),
                type=type_[:40],
                level=level[:8],
                message=message[:MAX_MESSAGE],
                data=data,
            )
        )
