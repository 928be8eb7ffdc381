"""Restore a backup into an empty place, or beside the states that survived of its installation.

States first, then all of SQL in one transaction, then what a restored database has to forget. A
mark where state is kept stops anything from starting meanwhile, and lets the same command go on
after it was killed. Nothing that exists is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, table

from app.clock import utc_now
from app.domain.plain_words import counted
from app.domain.stacks import StateBackend
from app.errors import ConflictError, UnavailableError
from app.models import InstallationFact
from app.services.backup.create import state_places
from app.services.backup.manifest import DumpedTable, Manifest, NamedVersion
from app.services.backup.put_states import PutStates, gather_stacks, put_states
from app.services.backup.settle import Settlement, settle
from app.services.backup.tables import add_rows, continue_numbers
from app.services.backup.target import FACT, RestoreStep, check_target
from app.services.backup.verify import BackupProblem, verify_backup
from app.services.context import LOCKS, Context
from app.services.installation.migrations import migrating, upgrade_on
from app.storage.home_lock import hold_lock_of
from app.storage.s3_identity import take_possession
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from app.storage.state_store import StateStore
from app.storage.volume import Volume
from app.storage.volume_state_store import VolumeStateStore


@dataclass
class RestoredBackup:
    """A restore that is done.

    Attributes:
        manifest: of the backup.
        states: what became of the states.
        settlement: what became of what was under way.
        warnings: what was wrong with the backup and was accepted.
    """

    manifest: Manifest
    states: PutStates
    settlement: Settlement
    warnings: list[str] = field(default_factory=list)


def restore_backup(
    ctx: Context, folder: Path, *, keeps_states: bool = False, accepts_damage: bool = False
) -> RestoredBackup:
    """Restore a backup; the same call goes on where it was cut short.

    Args:
        ctx: the adapters of the target.
        folder: the backup.
        keeps_states: there may be states already, those that survived; none is overwritten.
        accepts_damage: single states may be damaged in the backup, and are left out.

    Raises:
        ConflictError: the backup is damaged, or the target is not empty.
        ConfigurationError: Landform runs here.
        VolumeError, StateBucketError: states cannot be written; run the same command again.
        UnavailableError: a disk refuses; run the same command again.
    """
    home = ctx.settings.home_dir
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with hold_lock_of(home):
            return _restore(ctx, folder, keeps_states, accepts_damage)
    except OSError as error:
        raise UnavailableError(
            f"The restore could not go on ({error.strerror or error}).",
            advice="Make room or mend the disk, and run the same command again: it goes on.",
        ) from error


def _restore(
    ctx: Context, folder: Path, keeps_states: bool, accepts_damage: bool
) -> RestoredBackup:
    manifest, problems = _usable(ctx, folder, accepts_damage)
    stacks = gather_stacks(
        _rows(folder, manifest.table("stacks")),
        _rows(folder, manifest.table("state_versions")),
        manifest.pruned,
    )
    volume = Volume(ctx.settings.state_dir, manifest.volume_id)
    places = state_places(ctx, volume)
    backends = {stack.backend for stack in stacks if stack.versions}
    progress = check_target(ctx, manifest, places, backends, keeps_states=keeps_states)
    if not ctx.settings.keeps_state_on_s3 or StateBackend.VOLUME in backends:
        volume.adopt(manifest.volume_id)
    if ctx.bucket is not None:
        known = {stack.id for stack in stacks}
        take_possession(ctx.bucket, manifest.volume_id, known.__contains__)
    ctx.restore_mark.write(manifest.id)
    states = put_states(
        ctx.keys,
        folder,
        stacks,
        places,
        _stores(ctx, volume),
        {item.version for item in problems if item.version is not None},
    )
    if progress is RestoreStep.NOTHING:
        _restore_sql(ctx, folder, manifest)
    settlement = settle(ctx, manifest, states.newer, states.unknown)
    ctx.restore_mark.remove()
    warnings = [item.detail for item in problems]
    return RestoredBackup(manifest, states, settlement, warnings)


def _usable(
    ctx: Context, folder: Path, accepts_damage: bool
) -> tuple[Manifest, Sequence[BackupProblem]]:
    verified = verify_backup(ctx.keys, folder)
    problems = verified.unusable or verified.problems
    if verified.manifest is None or verified.unusable or (problems and not accepts_damage):
        more = f" {counted(len(problems) - 1, 'more problem')}." if len(problems) > 1 else ""
        advice = "Use another backup, or one of the same day from another place."
        if verified.manifest is not None and not verified.unusable:
            advice = "Use another backup, or restore all but these states with --accept-damage."
        raise ConflictError(f"{problems[0].detail}{more}", advice=advice)
    return verified.manifest, problems


def _stores(ctx: Context, volume: Volume) -> dict[str, StateStore]:
    stores: dict[str, StateStore] = {"volume": VolumeStateStore(volume, ctx.keys)}
    if ctx.bucket is not None:
        terms = LockTerms(
            ctx.settings.work_dir / LOCKS,
            volume.expected_id or "",
            utc_now,
            ctx.settings.lease_seconds,
        )
        stores["s3"] = S3StateStore(ctx.bucket, ctx.keys, terms)
    return stores


def _restore_sql(ctx: Context, folder: Path, manifest: Manifest) -> None:
    """Make the schema of the backup, insert its rows, and migrate: all of it or nothing."""
    pruned = frozenset(manifest.pruned)
    with migrating(ctx.db) as connection:
        upgrade_on(connection, manifest.revision)
        for dumped in reversed(manifest.tables):
            connection.execute(delete(table(dumped.form.name)))  # what migrations have put in
        for dumped in manifest.tables:
            rows = _rows(folder, dumped)
            if dumped.form.name == "state_versions":
                rows = (row for row in rows if _name_of(row) not in pruned)
            add_rows(connection, dumped.form, rows)
        continue_numbers(connection, [dumped.form for dumped in manifest.tables])
        upgrade_on(connection)
        connection.execute(delete(InstallationFact).where(InstallationFact.name == FACT))
        value = {"backup": manifest.id, "created_at": manifest.created_at, "is_settled": False}
        connection.execute(
            insert(InstallationFact).values(name=FACT, value=value, updated_at=utc_now())
        )


def _rows(folder: Path, dumped: DumpedTable) -> Iterator[dict[str, Any]]:
    with (folder / dumped.path).open("rb") as lines:
        for line in lines:
            yield dumped.form.decode(line)


def _name_of(row: dict[str, Any]) -> NamedVersion:
    return NamedVersion(row["stack_id"], row["serial"], row["sha256"])
