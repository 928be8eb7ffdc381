"""Promote states that are seen while Terraform runs, and remove those that later ones replace."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db_outages import is_outage
from app.domain.state_errors import StateError
from app.errors import NotFoundError, UnavailableError
from app.logs import get_logger
from app.models import Operation, StateVersion
from app.services.context import Context
from app.services.engine.claims import Claim, write_fenced
from app.services.state.record import RECOVERED, latest_version, promote
from app.storage.state_format import StateVersionName
from app.storage.state_store import StateStore

log = get_logger(__name__)


def snapshot(ctx: Context, claim: Claim, store: StateStore, data: bytes) -> str | None:
    """Promote a state that was seen while Terraform runs, if that can be done at once.

    Args:
        ctx: the adapters.
        claim: of the operation whose Terraform it is.
        store: where state lives.
        data: the state.

    Returns:
        Why it was not promoted; None when it was, or when the database is away: a later snapshot,
        or the end of the run, then saves what it saw.

    Raises:
        FenceLostError: another process owns the operation now.
    """
    passed: list[StateVersionName] = []

    def work(session: Session, operation: Operation) -> None:
        passed[:] = pass_snapshots(session, store, operation, data)

    try:
        store.reach()
        write_fenced(ctx, claim, work, patience_seconds=0)
        remove_passed(store, claim.stack_id, passed)
    except (UnavailableError, StateError) as error:
        return error.detail
    except DBAPIError as error:
        if not is_outage(error):
            raise
        log.warning("snapshot_postponed", operation_id=claim.operation_id)
    return None


def pass_snapshots(
    session: Session, store: StateStore, operation: Operation, data: bytes
) -> list[StateVersionName]:
    """Promote a state seen while Terraform runs; of those before it the newest one stays.

    An apply of a thousand resources saves a hundred states of megabytes on its way. Only the last
    is needed; the one before it is kept until the next, should its file be damaged.

    Returns:
        The files to remove once this is committed.

    Raises:
        StateError, VolumeError: as ``promote``; nothing was changed.
    """
    before = latest_version(session, operation.stack_id)
    promote(session, store, operation, data)
    if before is None or before.operation_id != operation.id:
        return []
    return forget_snapshots(session, operation, before.serial)


def forget_snapshots(session: Session, operation: Operation, final: int) -> list[StateVersionName]:
    """Have SQL forget what this operation saved on its way, now that its last state is durable.

    Returns:
        The files to remove once that is committed; before it, a crash would leave rows whose
        states are gone.
    """
    passed = session.scalars(
        select(StateVersion).where(
            StateVersion.operation_id == operation.id,
            StateVersion.serial < final,
            StateVersion.created_by != RECOVERED,
        )
    )
    names = []
    for version in passed.all():
        names.append(StateVersionName(version.serial, version.sha256))
        session.delete(version)
    return names


def remove_passed(store: StateStore, stack_id: str, passed: Sequence[StateVersionName]) -> None:
    """Remove states that SQL has forgotten; what stays is removed by the retention."""
    for name in passed:
        try:
            store.delete_version(stack_id, name.serial, name.sha256)
        except (UnavailableError, NotFoundError) as error:
            log.info("snapshot_kept", stack_id=stack_id, detail=error.detail)
