"""Seals a run directory while its plan awaits approval, and opens it again.

A saved plan, the variables and the state copy hold secrets in plain text, and a plan may wait for
days. Owns which files are secret: all but the module and what Terraform installed. It must not
decide when a run is parked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.crypto import KeyRing
from app.errors import UnavailableError
from app.storage.durable import sync_directory, write_durably
from app.storage.folder_walk import walk
from app.storage.run_directory import RunDirectory
from app.storage.run_reading import read_plain
from app.storage.volume_state_store import lock_folder

SEALED_SUFFIX = ".sealed"
INSTALLED = ".terraform"
# The module and Terraform's own configuration: no value of a client is in them.
PLAIN_SUFFIXES = frozenset({".tf", ".hcl", ".tfrc", ".attempt"})


def park(directory: RunDirectory, keys: KeyRing) -> None:
    """Leave no secret of the run in plain text; ``unpark`` undoes it.

    Every sealed file is durable before the first plain one goes.

    Raises:
        UnavailableError: the disk refuses; the plain files are still there.
    """
    with _locked(directory):
        plain = list(_secret_files(directory.path))
        for path in plain:
            sealed = keys.encrypt(read_plain(path), _place(directory, path))
            write_durably(path.with_name(path.name + SEALED_SUFFIX), sealed)
        for path in plain:
            path.unlink()
        for folder in {path.parent for path in plain}:
            sync_directory(folder)


def unpark(directory: RunDirectory, keys: KeyRing) -> None:
    """Put the plain files back in their places; a run that is not parked stays as it is.

    Raises:
        DecryptionError: a file was changed, or its key is gone; everything is as it was.
        UnavailableError: the disk refuses; the sealed files are still there.
    """
    if not directory.exists:
        return
    with _locked(directory):
        sealed = sealed_files(directory.path)
        opened = {
            path: keys.decrypt(read_plain(path), _place(directory, path.with_suffix("")))
            for path in sealed
        }
        for path, data in opened.items():
            write_durably(path.with_suffix(""), data)
        for path in sealed:
            path.unlink()


def sealed_files(root: Path) -> list[Path]:
    """Return the sealed files of the run directory ``root``."""
    return sorted(path for path in _files(root) if path.suffix == SEALED_SUFFIX)


def _files(root: Path, skipped: Collection[str] = ()) -> Iterator[Path]:
    """Yield the plain files in ``root``, no links."""
    entries = walk(root, skipped)
    return (Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))


def _secret_files(root: Path) -> Iterator[Path]:
    for path in _files(root, skipped=(INSTALLED,)):
        is_plain = path.parent == root and path.suffix in PLAIN_SUFFIXES
        if path.suffix != SEALED_SUFFIX and not is_plain:
            yield path


def _place(directory: RunDirectory, plain: Path) -> str:
    return f"run:{directory.path.name}:{plain.relative_to(directory.path)}"


@contextmanager
def _locked(directory: RunDirectory) -> Iterator[None]:
    """Keep a rotation of keys and the run apart."""
    try:
        with lock_folder(directory.path):
            yield
    except OSError as error:
        raise UnavailableError(
            f"The run directory {directory.path} cannot be sealed or opened "
            f"({error.strerror or error}): make room there and let Landform's user write there."
        ) from error
