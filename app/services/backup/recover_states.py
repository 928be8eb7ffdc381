"""States that are newer than a restored database: they become versions of their stacks again.

Which requests made them is lost with SQL. So the stack asks for attention, nothing counts as
agreed, and a drift check is queued; a person compares, and asks again for what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.agreement_errors import AgreementUnreadableError
from app.domain.drift import DriftStatus
from app.domain.operations import OperationType
from app.domain.stacks import StackStatus
from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.errors import LandformError
from app.models import Operation, Stack, StateVersion
from app.services import audit
from app.services.drift.agreements import carry_over_to, keep_agreement
from app.services.queue.order import add_operation
from app.services.stacks.editing import touch
from app.services.state import record
from app.services.work import Work
from app.storage.state_format import StoredState
from app.storage.state_store import StateStore


@dataclass(frozen=True)
class RecoveredStates:
    """What was found: the newest serial of SQL, and the serials that were recovered."""

    stack_id: str
    known: int | None
    serials: tuple[int, ...]


def recover_states(work: Work, stack_id: str, backup_id: str) -> RecoveredStates | None:
    """Record the states of a stack that its store has and SQL does not know.

    Returns:
        What was recovered; None when there is nothing newer.

    Raises:
        StateError, UnavailableError: the newest state cannot be read, or has another lineage; it is
            left as it is, and nothing may follow it.
    """
    session = work.session
    stack = session.get_one(Stack, stack_id)
    store = work.ctx.store_of(session, stack_id)
    known, current = record.latest_version(session, stack_id), store.current(stack_id)
    maker = _likely_maker(session, stack_id)
    if current is None or maker is None or (known and current.serial <= known.serial):
        return None
    data = record.read_version(store, stack_id, current.serial, current.sha256)
    if known is not None and current.lineage != known.lineage:
        raise StateError(
            f"State {current.serial} of {stack_id} has lineage {current.lineage}, and the backup "
            f"{known.lineage}."
        )
    _keep_agreed(work, stack, store, known, current, data)
    serials = []
    for stored, version in _between(store, stack_id, known, current):
        record.record_version(session, maker, stored, record.RECOVERED, version)
        serials.append(stored.serial)
    record.record_version(session, maker, current, record.RECOVERED, data)
    serials.append(current.serial)
    _ask_for_attention(work, stack, known, current)
    found = RecoveredStates(stack_id, known.serial if known else None, tuple(serials))
    audit.record_stack(
        work,
        "state_version.recover",
        stack,
        backup_id=backup_id,
        known_serial=found.known,
        serials=list(found.serials),
    )
    return found


def _likely_maker(session: Session, stack_id: str) -> Operation | None:
    """Return the operation that the versions are recorded with: the last that SQL knows of."""
    query = select(Operation).where(Operation.stack_id == stack_id)
    return session.scalars(query.order_by(Operation.id.desc()).limit(1)).unique().first()


def _between(
    store: StateStore, stack_id: str, known: StateVersion | None, current: StoredState
) -> list[tuple[StoredState, bytes]]:
    """Return the whole versions between that of SQL and the present one, one of each serial."""
    lowest, found = (known.serial if known else -1), {}
    for name in store.versions(stack_id):
        if lowest < name.serial < current.serial:
            try:
                data = store.read(stack_id, name.serial, name.sha256)
                stored = StoredState.describe(StateFile.parse(data), data)
            except LandformError:
                continue  # damaged, or an upload that was never finished; the present one counts
            if stored.lineage == current.lineage:
                found[name.serial] = (stored, data)
    return [found[serial] for serial in sorted(found)]


def _keep_agreed(
    work: Work,
    stack: Stack,
    store: StateStore,
    known: StateVersion | None,
    current: StoredState,
    data: bytes,
) -> None:
    """Agree to nothing that is not in SQL, as an upload does."""
    try:
        old = (
            StateFile.parse(record.read_version(store, stack.id, known.serial, known.sha256))
            if known
            else None
        )
        agreed = carry_over_to(work.ctx, work.session, stack, old, data)
        keep_agreement(work.ctx.keys, work.session, stack.id, agreed, current.serial)
    except (AgreementUnreadableError, StateError):
        return  # `landform admin agreements forget` is the way out, as always


def _ask_for_attention(
    work: Work, stack: Stack, known: StateVersion | None, current: StoredState
) -> None:
    if stack.status == StackStatus.DELETED:
        return
    before = f"state {known.serial}" if known else "no state"
    stack.status = StackStatus.NEEDS_ATTENTION.value
    stack.status_reason = (
        f"State {current.serial} was found after a restore; the backup had {before}. What was "
        "asked for in between is not known any more: compare the plan, and ask again."
    )
    stack.drift_status, stack.drift_reason = DriftStatus.NOT_CHECKED.value, None
    stack.drift_since = utc_now()
    touch(stack)
    add_operation(work.session, stack, OperationType.DRIFT_CHECK, work.principal)
