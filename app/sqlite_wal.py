"""Is the write-ahead log of an SQLite database as long as SQLite believes it is?

A log that was cut short has lost committed transactions, and SQLite says so only when it needs
one of the pages that are gone. The formats are in https://sqlite.org/walformat.html.

SQLite locks bytes of the log's index with fcntl(2), and a process that closes a file, opened by
whomever, loses all its locks on it: a second writer would be let in and the database be damaged
(https://sqlite.org/howtocorrupt.html, 2.2). So an index is opened here once and never closed.
"""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

WAL_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
# Two versions, a change counter, two flags of a byte, the page size, and the last valid frame.
INDEX_HEADER = struct.Struct("=IIIBBHI")

_opened: dict[tuple[int, int], int] = {}
"""Descriptor of each index that was looked at, by device and inode; none is ever closed."""
_opening = threading.Lock()


def missing_bytes(database: Path) -> int:
    """Return how much of the log of ``database`` is gone; 0 when all of it is there.

    Raises:
        OSError: a file cannot be read.
    """
    index, log = (database.with_name(database.name + end) for end in ("-shm", "-wal"))
    try:
        descriptor = _descriptor_of(index)
    except FileNotFoundError:
        return 0  # nobody has the database open
    header = os.pread(descriptor, INDEX_HEADER.size, 0)
    if len(header) < INDEX_HEADER.size:
        return 0
    _, _, _, is_ready, _, page_bytes, frames = INDEX_HEADER.unpack(header)
    if not is_ready or not frames:
        return 0
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    expected: int = WAL_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + page_bytes)
    return max(0, expected - (log.stat().st_size if log.exists() else 0))


def _descriptor_of(index: Path) -> int:
    """Return the one descriptor of a file; one that was removed and made again has its own."""
    with _opening:
        found = index.stat()
        descriptor = _opened.get((found.st_dev, found.st_ino))
        if descriptor is None:
            descriptor = os.open(index, os.O_RDONLY | os.O_CLOEXEC)
            opened = os.fstat(descriptor)
            # Not closed either when it is another one by now that was opened before.
            descriptor = _opened.setdefault((opened.st_dev, opened.st_ino), descriptor)
        return descriptor
