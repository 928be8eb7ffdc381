"""The state of record: what the store and SQL have of a stack's state, kept in step.

The store, a volume or a bucket, is written first, durably, then SQL; so after a crash the store may
be one version ahead and SQL catches up here. The store being *behind* SQL means that it was rolled
back, and is refused before Terraform starts.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.operation_registry import facts_of
from app.domain.state_errors import StateCorruptError, StateLineageError, StateSerialError
from app.domain.state_file import StateFile
from app.errors import NotFoundError
from app.models import Operation, StateVersion
from app.services.state.held_resources import keep_keys
from app.storage.state_format import StoredState
from app.storage.state_store import StateStore

RECOVERED = "landform (recovered)"


def load_state(session: Session, store: StateStore, operation: Operation) -> bytes | None:
    """Return the verified state of record of the operation's stack, or ``None`` before the first.

    Raises:
        StateCorruptError: the file is missing or its bytes differ from what SQL recorded.
        StateSerialError: the store holds an older state than SQL knows.
        VolumeError, StateBucketError: the store cannot be used.
    """
    stack_id = operation.stack_id
    known = latest_version(session, stack_id)
    stored = store.current(stack_id)
    if stored is None:
        if known is not None:
            raise StateCorruptError(
                f"The volume has no state for stack {stack_id}, "
                f"but serial {known.serial} was saved."
            )
        return None
    if known is None or stored.serial > known.serial:
        data = read_version(store, stack_id, stored.serial, stored.sha256)
        record_version(session, operation, stored, RECOVERED, data)
        return data
    if stored.serial < known.serial:
        raise StateSerialError(
            f"The place of states has serial {stored.serial} of stack {stack_id}, "
            f"but serial {known.serial} was saved: it was rolled back."
        )
    if stored.sha256 != known.sha256:
        raise StateCorruptError(
            f"Serial {known.serial} of stack {stack_id} is not the state that was saved."
        )
    return read_version(store, stack_id, stored.serial, stored.sha256)


def recorded_state(store: StateStore, known: StateVersion) -> bytes | None:
    """Return the verified state of record, or None when the store has another than SQL knows.

    Args:
        store: where it is.
        known: the newest version that SQL knows of.

    Raises:
        StateCorruptError, VolumeError: it cannot be read.
    """
    stored = store.current(known.stack_id)
    if stored is None or (stored.serial, stored.sha256) != (known.serial, known.sha256):
        return None
    return read_version(store, known.stack_id, stored.serial, stored.sha256)


def read_version(store: StateStore, stack_id: str, serial: int, sha256: str) -> bytes:
    """Return the verified bytes of a state version that SQL knows.

    Raises:
        StateCorruptError: they are not what was saved, or are gone.
        VolumeError, StateBucketError: the store cannot be read.
    """
    try:
        return store.read(stack_id, serial, sha256)
    except NotFoundError as error:
        raise StateCorruptError(
            f"The file of serial {serial} of stack {stack_id} is gone from the place of states."
        ) from error


def promote(session: Session, store: StateStore, operation: Operation, data: bytes) -> StoredState:
    """Make ``data`` the state of record, in the store and then in SQL.

    Raises:
        StateError: it is no valid successor of the present state.
        VolumeError, StateBucketError: the store cannot be written; nothing was changed.
    """
    known = latest_version(session, operation.stack_id)
    goes_back = facts_of(operation.type).goes_back
    if goes_back and known is not None:
        _check_above(known, data)
    # A rollback is the way out of a damaged state; what SQL knows was compared in its place.
    stored = store.promote(operation.stack_id, data, over_damage=goes_back)
    if known is None or stored.serial > known.serial:
        record_version(session, operation, stored, operation.requested_by, data)
    return stored


def keep_newest(
    session: Session, store: StateStore, operation: Operation, left: bytes | None
) -> bytes | None:
    """Make the newest of what a run left and what the store has the state of record.

    The private copy may be torn and its backup older than the last snapshot; then the snapshot
    stands.

    Args:
        session: an open writing transaction.
        store: where state lives.
        operation: the operation whose run it was.
        left: newest valid state in its run directory, or ``None``.

    Returns:
        The state of record afterwards, or ``None`` when there is none at all.

    Raises:
        StateError: it is no valid successor of the present state.
        VolumeError, StateBucketError: the store cannot be read or written; nothing was changed.
    """
    stored = _current(store, operation)
    if left is not None and (stored is None or stored.serial < StateFile.parse(left).serial):
        promote(session, store, operation, left)
    return load_state(session, store, operation)


def _current(store: StateStore, operation: Operation) -> StoredState | None:
    """Return what the store has; a damaged pointer is nothing to a rollback."""
    try:
        return store.current(operation.stack_id)
    except StateCorruptError:
        if not facts_of(operation.type).goes_back:
            raise
        return None


def _check_above(known: StateVersion, data: bytes) -> None:
    state = StateFile.parse(data)
    if state.lineage != known.lineage:
        raise StateLineageError(
            f"The new state has lineage {state.lineage}, the recorded one {known.lineage}."
        )
    if state.serial < known.serial:
        raise StateSerialError(
            f"The new state has serial {state.serial}, but {known.serial} is recorded."
        )


def latest_version(session: Session, stack_id: str) -> StateVersion | None:
    """Return the newest state version that SQL knows of."""
    return session.scalars(
        select(StateVersion)
        .where(StateVersion.stack_id == stack_id)
        .order_by(StateVersion.serial.desc())
        .limit(1)
    ).first()


def latest_versions(session: Session, stack_ids: Collection[str]) -> dict[str, StateVersion]:
    """Return, by stack, the newest state version that SQL knows of."""
    newest = (
        select(StateVersion.stack_id, func.max(StateVersion.serial).label("serial"))
        .where(StateVersion.stack_id.in_(stack_ids))
        .group_by(StateVersion.stack_id)
        .subquery()
    )
    is_newest = (StateVersion.stack_id == newest.c.stack_id) & (
        StateVersion.serial == newest.c.serial
    )
    found = session.scalars(select(StateVersion).join(newest, is_newest))
    return {row.stack_id: row for row in found}


def record_version(
    session: Session, operation: Operation, stored: StoredState, created_by: str, data: bytes
) -> None:
    """Add the SQL row of a state version that is durable in the store, and what it holds."""
    session.add(
        StateVersion(
            id=ids.new_id(ids.STATE_VERSION),
            stack_id=operation.stack_id,
            serial=stored.serial,
            lineage=stored.lineage,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            terraform_version=stored.terraform_version,
            operation_id=operation.id,
            created_at=utc_now(),
            created_by=created_by,
            has_keys=True,
        )
    )
    keep_keys(session, operation.stack, data)
    session.flush()
