"""Which state version a stack may go back to."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.state_errors import StateLineageError
from app.errors import ValidationError
from app.models import Stack, StateVersion
from app.services.state.record import latest_version
from app.services.state.versions import MAX_SERIAL


def check_rollback(session: Session, stack: Stack, serial: int | None) -> None:
    """Check that the state of ``serial`` is kept, earlier, and of the present lineage.

    Raises:
        ValidationError: there is no such earlier version (pointer ``/serial``).
        StateLineageError: it belongs to another state.
    """
    if serial is None:
        raise ValidationError.at("/serial", "Say which state version to go back to.")
    query = select(StateVersion).where(
        StateVersion.stack_id == stack.id, StateVersion.serial == serial
    )
    target = session.scalar(query) if serial <= MAX_SERIAL else None
    present = latest_version(session, stack.id)
    if target is None or present is None:
        raise ValidationError.at("/serial", f"No state version {serial} of the stack is kept.")
    if target.serial == present.serial:
        raise ValidationError.at("/serial", f"Serial {serial} is the present state.")
    if target.lineage != present.lineage:
        raise StateLineageError(
            f"Serial {serial} has lineage {target.lineage}, the present state {present.lineage}."
        )
