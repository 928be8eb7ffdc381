"""Make a backup while Landform works: one moment of SQL, and every state version that it names.

SQL first, then states: a version is written before SQL knows of it, so all that this moment names
are there. What retention removes meanwhile is gone from SQL too, and is told from damage by that.
The manifest comes last; before it is written, there is no backup.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.crypto import SealedHead
from app.db import Database
from app.domain import ids
from app.domain.stacks import StateBackend
from app.domain.state_errors import StateCorruptError
from app.errors import ConflictError, DecryptionError, UnavailableError
from app.models import Stack, StateVersion
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.backup.manifest import NAME, BackupFile, DumpedTable, Manifest, NamedVersion
from app.services.backup.tables import forms, read_lines
from app.services.context import Context, known_places
from app.services.installation.revisions import newest_revision, revision_of
from app.services.installation.sealed_rows import sealed_rows
from app.services.work import perform
from app.storage.durable import sync_directory, write_durably
from app.storage.s3_errors import StateBucketMissingError
from app.storage.sealed_states import S3SealedStates, SealedStates, VolumeSealedStates
from app.storage.state_format import open_version
from app.storage.volume import Volume
from app.version import VERSION

FOLDER_MODE = 0o700
UNKNOWN_KEY = "unknown"


@dataclass
class _Copy:
    """What was copied so far."""

    folder: Path
    files: dict[str, BackupFile] = field(default_factory=dict)
    tables: list[DumpedTable] = field(default_factory=list)
    versions: list[tuple[NamedVersion, str]] = field(default_factory=list)
    key_ids: set[str] = field(default_factory=set)
    pruned: list[NamedVersion] = field(default_factory=list)
    damaged: list[NamedVersion] = field(default_factory=list)
    volume_id: str = ""
    created_at: str = ""

    def write(self, path: str, chunks: Iterable[bytes]) -> int:
        """Write a file and note what it is; return how many chunks it has."""
        digest, size, count = hashlib.sha256(), 0, 0
        target = self.folder / path
        target.parent.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)  # parents=True takes no mode
        target.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size, count = size + len(chunk), count + 1
        self.files[path] = BackupFile(digest.hexdigest(), size)
        return count


def create_backup(ctx: Context, folder: Path) -> Manifest:
    """Make a backup in a new or empty folder, and return its manifest.

    Raises:
        ConflictError: the folder is in use, or the schema is not the one of this release.
        UnavailableError: the disk is full or refuses, or a place of states does not answer; what
            was written is removed.
    """
    is_made = False
    _take(folder)
    try:
        made = _copy(ctx, folder)
        is_made = True
    except OSError as error:
        raise UnavailableError(
            f"The backup cannot be written to {folder} ({error.strerror}).",
            advice="Make room, or name a folder on another disk, and run the command again.",
        ) from error
    finally:
        if not is_made:
            for name in ("sql", "states"):
                shutil.rmtree(folder / name, ignore_errors=True)
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        audit.record(
            work,
            "backup.create",
            "backup",
            made.id,
            files=len(made.files),
            pruned=len(made.pruned),
            damaged=len(made.damaged),
        )
    return made


def state_places(ctx: Context, volume: Volume | None) -> dict[str, SealedStates]:
    """Return the places in which states can be, by the name that stacks have for them.

    Args:
        ctx: the adapters.
        volume: the volume; None where all is on S3.
    """
    found: dict[str, SealedStates] = {}
    if volume is not None:
        found[StateBackend.VOLUME] = VolumeSealedStates(volume)
    if ctx.bucket is not None:
        found[StateBackend.S3] = S3SealedStates(ctx.bucket)
    return found


def place_named(places: Mapping[str, SealedStates], backend: str) -> SealedStates:
    """Return one of the places.

    Raises:
        StateBucketMissingError: it is S3, and the settings name no bucket.
    """
    if backend not in places:
        raise StateBucketMissingError("The state is on S3, but LANDFORM_STATE_S3_BUCKET is empty.")
    return places[backend]


def _take(folder: Path) -> None:
    try:
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if any(folder.iterdir()):
            raise ConflictError(
                f"{folder} is not empty.", advice="Name a folder that does not exist yet."
            )
        folder.chmod(FOLDER_MODE)
    except OSError as error:
        raise ConflictError(
            f"{folder} cannot be used ({error.strerror}).",
            advice="Name a new folder in one that exists and that you may write.",
        ) from error


def _copy(ctx: Context, folder: Path) -> Manifest:
    copy = _Copy(folder)
    with _one_moment(ctx.db) as connection:
        _copy_sql(connection, copy)
    volume = Volume(ctx.settings.state_dir, copy.volume_id) if ctx.uses_volume() else None
    places = state_places(ctx, volume)
    for version, backend in copy.versions:
        _copy_version(ctx, places, copy, version, backend)
    fingerprints = dict(item.split(":", 1) for item in ctx.keys.fingerprints())
    made = Manifest(
        id=ids.new_id(ids.BACKUP),
        created_at=copy.created_at,
        version=VERSION,
        revision=newest_revision(),
        engine=ctx.db.engine.dialect.name,
        volume_id=copy.volume_id,
        tables=tuple(copy.tables),
        files=copy.files,
        keys=tuple(f"{key}:{fingerprints.get(key, UNKNOWN_KEY)}" for key in sorted(copy.key_ids)),
        pruned=tuple(copy.pruned),
        damaged=tuple(copy.damaged),
    )
    os.sync()  # once for all: a sync of each of ten thousand files takes minutes
    write_durably(folder / NAME, made.to_bytes(ctx.keys))
    sync_directory(folder.parent)
    return made


@contextmanager
def _one_moment(database: Database) -> Iterator[Connection]:
    """Open a transaction in which every table is as it was at its first question."""
    with database.engine.connect() as plain:
        if plain.dialect.name == "postgresql":
            plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with plain.begin():
            revision = revision_of(plain)
            if revision != newest_revision():
                raise ConflictError(
                    f"The database has schema {revision}, and this release works with "
                    f"{newest_revision()}.",
                    advice="Start this release once, or make the backup with the other one.",
                )
            yield plain


def _copy_sql(connection: Connection, copy: _Copy) -> None:
    copy.created_at = rfc3339(utc_now()) or ""
    for form in forms():
        name = f"sql/{form.name}.jsonl"
        rows = copy.write(name, read_lines(connection, form))
        copy.tables.append(DumpedTable(form, rows))
    query = select(
        StateVersion.stack_id, StateVersion.serial, StateVersion.sha256, Stack.state_backend
    ).join(Stack, Stack.id == StateVersion.stack_id)
    for stack_id, serial, sha256, backend in connection.execute(
        query.order_by(StateVersion.stack_id, StateVersion.serial)
    ):
        copy.versions.append((NamedVersion(stack_id, serial, sha256), backend))
    session = Session(bind=connection)
    known = known_places(session)
    if known.id is None:
        raise ConflictError(
            "Landform was never started with this database.", advice="Name its database."
        )
    copy.volume_id = known.id
    for place in sealed_rows():
        copy.key_ids.update(_key_ids(head for _, head in place.heads(session)))


def _copy_version(
    ctx: Context,
    places: Mapping[str, SealedStates],
    copy: _Copy,
    version: NamedVersion,
    backend: str,
) -> None:
    sealed = _read(places, version, backend)
    if sealed is None:
        now = _backend_now(ctx, version)
        if now is None:
            copy.pruned.append(version)
            return
        sealed = _read(places, version, now)  # it may just have been moved to the other place
    if sealed is None:
        copy.damaged.append(version)
        return
    try:
        open_version(ctx.keys, version.stack_id, version.serial, version.sha256, sealed)
    except StateCorruptError:
        # Kept nevertheless: it may be its key alone that is not in the ring.
        copy.damaged.append(version)
    copy.key_ids.update(_key_ids([sealed]))
    copy.write(version.path, [sealed])


def _read(places: Mapping[str, SealedStates], version: NamedVersion, backend: str) -> bytes | None:
    if backend == StateBackend.VOLUME and backend not in places:
        return None  # of a stack that was deleted before all moved to S3, and the volume taken away
    place = place_named(places, backend)
    return place.read(version.stack_id, version.serial, version.sha256)


def _backend_now(ctx: Context, version: NamedVersion) -> str | None:
    """Return where SQL says now that a version is; None when SQL has forgotten it."""
    with ctx.read() as session:
        return session.scalar(
            select(Stack.state_backend)
            .join(StateVersion, StateVersion.stack_id == Stack.id)
            .where(
                StateVersion.stack_id == version.stack_id,
                StateVersion.serial == version.serial,
                StateVersion.sha256 == version.sha256,
            )
        )


def _key_ids(heads: Iterable[bytes]) -> Iterator[str]:
    for head in heads:
        try:
            yield SealedHead.parse(head).key_id
        except DecryptionError:
            continue  # damaged where it is kept; `landform admin keys status` names it
