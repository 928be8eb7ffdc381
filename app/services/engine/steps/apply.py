"""Apply a plan, and end an operation that went well."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.operations import OperationStatus
from app.domain.state_file import names_in
from app.models import Operation
from app.services.engine import ending
from app.services.engine.apply_run import ApplyRun
from app.services.engine.rollback import read_forgotten
from app.services.engine.run import OperationRun
from app.services.state import record
from app.storage.state_format import StoredState


def go_back(run: OperationRun) -> None:
    """Make the raised old state the state of record, before Terraform works on it.

    Raises:
        StateError, VolumeError: it cannot be; nothing was changed.
    """
    data = run.space.directory.state_bytes() or b""

    def work(session: Session, operation: Operation) -> StoredState:
        operation.possibly_orphaned = read_forgotten(run.space.directory)
        return record.promote(session, run.store, operation, data)

    stored = run.write(work)
    run.recorder.note(
        f"Serial {run.claim.options.serial} is the present state again, as {stored.serial}.",
        type_="state_saved",
    )


def apply(run: OperationRun) -> None:
    """Have Terraform apply the plan, and save the state whatever the end was.

    Raises:
        LandformError: why it did not end well.
    """
    run.state = ApplyRun(run).carry_out(run.space)


def end(run: OperationRun) -> None:
    """End the operation with the outputs of the state that is of record now."""
    outputs = run.state.outputs if run.state else {}
    known, status = names_in(run.state), OperationStatus.APPLIED
    ending.finish(run.ctx, run.claim, status, outputs, known_names=known)
    run.space.directory.remove()
    run.is_over = True
