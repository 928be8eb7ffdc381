"""Check a backup without restoring it: every byte, every row, and that this host can open it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.crypto import KeyRing
from app.domain.state_errors import StateCorruptError
from app.errors import ConflictError, NotFoundError
from app.services.backup.manifest import (
    NAME,
    BackupFile,
    DumpedTable,
    Manifest,
    NamedVersion,
    read_manifest,
)
from app.storage.state_format import open_version

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class BackupProblem:
    """One thing that is wrong with a backup.

    Attributes:
        detail: a sentence.
        version: the one state version that it is about; None when all of the backup is useless.
    """

    detail: str
    version: NamedVersion | None = None


@dataclass(frozen=True)
class VerifiedBackup:
    """A backup that was checked; ``manifest`` is None when that proves nothing."""

    manifest: Manifest | None
    problems: tuple[BackupProblem, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems

    @property
    def unusable(self) -> tuple[BackupProblem, ...]:
        """The problems that are not about single state versions."""
        return tuple(item for item in self.problems if item.version is None)


def verify_backup(keys: KeyRing, folder: Path) -> VerifiedBackup:
    """Check all of a backup with the key ring of this host; nothing is changed."""
    try:
        manifest = read_manifest(folder, keys)
    except ConflictError as error:
        return VerifiedBackup(None, (BackupProblem(error.detail),))
    return VerifiedBackup(manifest, tuple(_find_problems(keys, folder, manifest)))


def named_versions(folder: Path, manifest: Manifest) -> list[NamedVersion]:
    """Return the state versions that the SQL of a backup names, without those pruned meanwhile.

    Raises:
        ValueError, KeyError, OSError: its file is damaged.
    """
    table = manifest.table("state_versions")
    left_out = frozenset(manifest.pruned)
    found = []
    with (folder / table.path).open("rb") as lines:
        for line in lines:
            row = table.form.decode(line)
            version = NamedVersion(row["stack_id"], row["serial"], row["sha256"])
            if version not in left_out:
                found.append(version)
    return found


def _find_problems(keys: KeyRing, folder: Path, manifest: Manifest) -> Iterator[BackupProblem]:
    own = set(keys.fingerprints())
    for needed in sorted(set(manifest.keys) - own):
        yield BackupProblem(
            f"Key {needed.partition(':')[0]} (fingerprint {needed.partition(':')[2]}) is needed "
            "and is not in LANDFORM_ENCRYPTION_KEYS."
        )
    bad: set[str] = set()
    states = {item.path: item for item in _versions_in(manifest)}
    for path, expected in manifest.files.items():
        detail = _compare(folder / path, path, expected)
        if detail:
            bad.add(path)
            yield BackupProblem(detail, states.get(path))
    yield from _find_extra(folder, manifest)
    for table in manifest.tables:
        if table.path not in manifest.files:
            yield BackupProblem(f"The manifest names no file for the table {table.form.name}.")
        elif table.path not in bad:
            yield from _check_rows(folder, table)
    yield from _check_states(keys, folder, manifest, bad)


def _compare(path: Path, name: str, expected: BackupFile) -> str:
    """Return what is wrong with a file, in a sentence, or an empty text."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        return f"{name} is missing."
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})."
    if size != expected.size_bytes:
        return f"{name} has {size} bytes instead of {expected.size_bytes}."
    if digest.hexdigest() != expected.sha256:
        return f"{name} has another checksum than the manifest says."
    return ""


def _find_extra(folder: Path, manifest: Manifest) -> Iterator[BackupProblem]:
    known = {NAME, *manifest.files}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in known:
            yield BackupProblem(f"{name} is not in the manifest.")


def _check_rows(folder: Path, table: DumpedTable) -> Iterator[BackupProblem]:
    count = 0
    with (folder / table.path).open("rb") as lines:
        for count, line in enumerate(lines, 1):
            try:
                table.form.decode(line)
            except (ValueError, TypeError) as error:
                yield BackupProblem(f"{table.path}, line {count}, is no row ({error}).")
                return
    if count != table.rows:
        yield BackupProblem(f"{table.path} has {count} rows instead of {table.rows}.")


def _check_states(
    keys: KeyRing, folder: Path, manifest: Manifest, bad: set[str]
) -> Iterator[BackupProblem]:
    damaged = frozenset(manifest.damaged)
    try:
        named = named_versions(folder, manifest)
    except (ValueError, KeyError, TypeError, OSError, ConflictError):
        yield BackupProblem("The list of state versions is damaged, so none of them was opened.")
        return
    for version in named:
        what = f"State {version.serial} of {version.stack_id}"
        if version in damaged:
            yield BackupProblem(
                f"{what} was missing or damaged where it was kept when the backup was made.",
                version,
            )
        elif version.path not in manifest.files:
            yield BackupProblem(f"{what} is named in SQL and is not in the backup.", version)
        elif version.path not in bad:
            try:
                sealed = (folder / version.path).read_bytes()
                open_version(keys, version.stack_id, version.serial, version.sha256, sealed)
            except (StateCorruptError, NotFoundError) as error:
                yield BackupProblem(f"{what} does not open: {error.detail}", version)


def _versions_in(manifest: Manifest) -> Iterator[NamedVersion]:
    for path in manifest.files:
        kind, _, rest = path.partition("/")
        stack_id, _, name = rest.partition("/")
        serial, _, sha256 = name.removesuffix(".tfstate").partition("-")
        if kind == "states" and serial.isdecimal():
            yield NamedVersion(stack_id, int(serial), sha256)
