"""Whether a backup may be restored here: the place has to be empty, or to be its own.

A restore that was cut short is recognized by its mark where state is kept, and goes on from where
it was.
"""

from __future__ import annotations

from enum import Enum, auto

from sqlalchemy import Connection, func, inspect, select, table

from app.clock import utc_now
from app.db import Database
from app.domain.plain_words import counted
from app.errors import ConflictError
from app.models import Base, InstallationFact, Instance
from app.services.backup.create import place_named
from app.services.backup.manifest import Manifest
from app.services.context import Context
from app.services.installation.revisions import knows_revision, revision_of
from app.storage.sealed_states import SealedStates

FACT = "restore"
"""The fact by which a restored database says from which backup it is."""

ALIVE_SECONDS = 60

STARTED = frozenset({"audit_events", "operations", "projects", "stacks", "users"})
"""Tables that have rows after the first start."""


class RestoreStep(Enum):
    """How far an earlier restore of the same backup got."""

    NOTHING = auto()
    SQL = auto()


def check_target(
    ctx: Context,
    manifest: Manifest,
    places: dict[str, SealedStates],
    backends: set[str],
    *,
    keeps_states: bool,
) -> RestoreStep:
    """Check that nothing would be lost here; return what is done already.

    Args:
        ctx: the adapters of the target.
        manifest: of the backup.
        places: where states can be here.
        backends: where the stacks of the backup have their states.
        keeps_states: the caller knows that the states here are those of the same installation.

    Raises:
        ConflictError: the target lives, holds something else, or is too old for the backup.
        StateBucketMissingError: states belong into a bucket that no setting names.
    """
    if not knows_revision(manifest.revision):
        raise ConflictError(
            f"The backup has schema {manifest.revision}, of Landform {manifest.version}, which "
            "this release does not know.",
            advice="Restore it with that release or a newer one.",
        )
    for backend in sorted(backends):
        place_named(places, backend)
    mark = ctx.restore_mark.read()
    if mark not in (None, manifest.id):
        raise ConflictError(
            f"A restore of another backup, {mark}, was not finished here.",
            advice="Finish that one, or empty the database and the place of the states.",
        )
    progress = _check_database(ctx.db, manifest, is_marked=mark is not None)
    if mark is None and not keeps_states:
        _refuse_states(places)
    return progress


def _check_database(database: Database, manifest: Manifest, *, is_marked: bool) -> RestoreStep:
    with database.engine.connect() as connection:
        found = set(inspect(connection).get_table_names()) & set(Base.metadata.tables)
        if not found:
            return RestoreStep.NOTHING
        if _is_bare(connection, found, manifest):
            return RestoreStep.NOTHING
        if is_marked and _restored_from(connection, found) == manifest.id:
            return RestoreStep.SQL
        alive = _alive_host(connection, found)
    if alive is not None:
        raise ConflictError(
            f"Landform lives in this database: host {alive} was heard of in the last "
            f"{ALIVE_SECONDS} s.",
            advice="Name the empty database of a new home; a backup replaces nothing.",
        )
    raise ConflictError(
        "This database has tables of a Landform.",
        advice="Name an empty database; move an old one away rather than emptying it.",
    )


def _is_bare(connection: Connection, tables: set[str], manifest: Manifest) -> bool:
    """Tell whether a database has the schema of the backup, and Landform was never started."""
    if revision_of(connection) != manifest.revision:
        return False
    return all(
        connection.scalar(select(func.count()).select_from(table(name))) == 0
        for name in tables & STARTED
    )


def _restored_from(connection: Connection, tables: set[str]) -> str | None:
    if InstallationFact.__tablename__ not in tables:
        return None
    value = connection.scalar(select(InstallationFact.value).where(InstallationFact.name == FACT))
    return value["backup"] if value else None


def _alive_host(connection: Connection, tables: set[str]) -> str | None:
    """Return the name of a host that was heard of just now; a restore needs no finer clock."""
    if Instance.__tablename__ not in tables:
        return None
    query = select(Instance.name, Instance.heartbeat_at).where(Instance.ended_at.is_(None))
    now = utc_now()
    for name, heartbeat_at in connection.execute(query):
        if (now - heartbeat_at).total_seconds() < ALIVE_SECONDS:
            return str(name)
    return None


def _refuse_states(places: dict[str, SealedStates]) -> None:
    for name, place in places.items():
        count = len(place.stacks())
        if count:
            raise ConflictError(
                f"There are states of {counted(count, 'stack')} here ({name}).",
                advice="Name an empty place; or, when they are what survived of the installation "
                "of the backup, add --keep-states: none is overwritten, and newer ones are kept.",
            )
