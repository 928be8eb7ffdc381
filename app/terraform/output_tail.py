"""The last lines that a process wrote, in bounded memory, with its credentials hidden.

Owns only what is kept: whole lines, since a secret whose beginning was cut off could not be found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from app.domain.redaction import Redactor
from app.plain_text import printable

KEPT_BYTES = 16 * 1024
SHOWN_CHARACTERS = 2000
CHUNK_BYTES = 64 * 1024


class OutputTail:
    """Reads a stream to its end, so that its writer never blocks, and keeps the end of it."""

    def __init__(self, secrets: Collection[str]) -> None:
        """Keep nothing yet; ``secrets`` are hidden in what ``text`` returns."""
        self._redactor = Redactor(secrets)
        self._kept = b""
        self._is_cut = False

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Read until the end of ``stream``."""
        while chunk := await stream.read(CHUNK_BYTES):
            whole = self._kept + chunk
            self._is_cut |= len(whole) > KEPT_BYTES
            self._kept = whole[-KEPT_BYTES:]

    def text(self) -> str:
        """Return the last lines, as many as are worth showing; nothing if there are none."""
        kept = self._kept.partition(b"\n")[2] if self._is_cut else self._kept
        text = self._redactor.text(printable(kept.decode("utf-8", "replace"))).strip()
        if len(text) <= SHOWN_CHARACTERS:
            return text
        return text[-SHOWN_CHARACTERS:].partition("\n")[2] or text[-SHOWN_CHARACTERS:]
