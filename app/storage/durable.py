"""Writes a file so that it is either wholly there or not at all, also after a power cut.

Owns the sequence temp file + fsync + rename + fsync(directory) (rename(2), fsync(2)) and the
removal of temporary files that a killed writer left. It knows nothing of what it writes.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"
# No write takes as long; younger ones may belong to a writer that still lives.
ABANDONED_SECONDS = 600.0


def write_durably(path: Path, data: bytes | Iterable[bytes], mode: int = 0o600) -> None:
    """Replace ``path`` by ``data`` (or its chunks) atomically and durably.

    Raises:
        OSError: the disk refused; ``path`` is as it was and no temporary file is left.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        write_synced(temporary, data, mode)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    sync_directory(path.parent)


def write_synced(path: Path, data: bytes | Iterable[bytes], mode: int = 0o600) -> None:
    """Create ``path`` (it must not exist) with ``data`` and wait until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        for chunk in [data] if isinstance(data, bytes) else data:
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make renames and removals inside ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create ``path`` and its missing parents, mode 0700, durably."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    sync_directory(path.parent)


def sweep_temporaries(directory: Path) -> None:
    """Remove temporary files in ``directory`` that a killed writer left long ago."""
    oldest = time.time() - ABANDONED_SECONDS
    for path in directory.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
