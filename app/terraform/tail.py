"""Follows a file that another process appends to, line by line, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024
HEAD_BYTES = 16 * 1024
MAX_TURN_BYTES = 4 * 1024 * 1024


class LineTail:
    """Reads complete new lines of one file, starting at ``offset``.

    A line longer than ``MAX_LINE_BYTES`` is skipped and counted in ``skipped_lines``; its beginning
    goes to ``on_cut``. What is not yet ended by a newline waits for the rest. Bytes that are not
    UTF-8 are replaced.
    """

    def __init__(
        self, path: Path, offset: int = 0, on_cut: Callable[[str], None] = lambda head: None
    ) -> None:
        self._on_cut = on_cut
        self._descriptor = os.open(path, os.O_RDONLY)
        self._offset = offset
        self._pending = bytearray()
        self._is_skipping = False
        self.skipped_lines = 0

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)

    def read_turn(self) -> Iterator[str]:
        """Yield the lines of at most ``MAX_TURN_BYTES``, so that a flood cannot hold the caller."""
        end = self._offset + MAX_TURN_BYTES
        while self._offset < end:
            chunk = os.pread(self._descriptor, CHUNK_BYTES, self._offset)
            if not chunk:
                return
            self._offset += len(chunk)
            yield from self._split(chunk)

    def read_rest(self) -> Iterator[str]:
        """Yield every line up to the present end, and a last one without newline."""
        start = -1
        while start != self._offset:
            start = self._offset
            yield from self.read_turn()
        if self._pending:
            yield self._take(b"")

    def _split(self, chunk: bytes) -> Iterator[str]:
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            if self._is_skipping or len(self._pending) + len(part) > MAX_LINE_BYTES:
                self._skip(part, ended=True)
            else:
                yield self._take(part)
        if self._is_skipping or len(self._pending) + len(rest) > MAX_LINE_BYTES:
            self._skip(rest, ended=False)
        else:
            self._pending += rest

    def _skip(self, part: bytes, *, ended: bool) -> None:
        if not self._is_skipping:
            self.skipped_lines += 1
            head = (bytes(self._pending[:HEAD_BYTES]) + part[:HEAD_BYTES])[:HEAD_BYTES]
            self._on_cut(head.decode("utf-8", errors="replace"))
        self._is_skipping = not ended
        self._pending.clear()

    def _take(self, part: bytes) -> str:
        line = bytes(self._pending) + part
        self._pending.clear()
        return line.decode("utf-8", errors="replace")
