"""The file of anchors on the state volume: one signed line after another, only ever appended to.

Owns where the file is and how a line is written whole and durably. It knows nothing of signatures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from app.domain.audit_chain import Anchor
from app.storage.durable import make_directory, sync_directory
from app.storage.volume import Volume, translate_errors

FOLDER = "audit"
NAME = "anchors.jsonl"


class AnchorPlace(Protocol):
    """Where anchors are kept. All methods raise ``UnavailableError`` on trouble."""

    def append(self, anchor: Anchor) -> None:
        """Add an anchor; it is durable when this returns."""

    def read(self) -> Iterator[Anchor | None]:
        """Yield the anchors as they were written; nothing for a line that is none."""


class AnchorFile:
    """The anchors of the audit trail on ``volume``."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.path: Path = volume.root / FOLDER / NAME

    def append(self, anchor: Anchor) -> None:
        """Add an anchor and wait until the disk has it.

        Raises:
            VolumeError: the volume is not there, or refuses.
        """
        self._volume.check_identity()
        self._volume.ask(lambda: self._append(anchor.to_line()))

    def read(self) -> Iterator[Anchor | None]:
        """Yield the anchors as they were written; nothing for a line that is none.

        Raises:
            VolumeError: the volume is not there, or cannot be read.
        """
        self._volume.check_identity()
        with translate_errors(self._volume.root):
            if not self.path.exists():
                return
            with self.path.open("rb") as file:
                for line in file:
                    yield Anchor.from_line(line)

    def lines(self) -> bytes:
        """Return the whole file, empty when there is none.

        Raises:
            VolumeError: the volume is not there, or cannot be read.
        """
        return self._volume.ask_own(lambda: self.path.read_bytes() if self.path.exists() else b"")

    def _append(self, line: bytes) -> None:
        make_directory(self.path.parent)
        is_new = not self.path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            # One write call: whoever appends at the same time does so before or after it.
            os.write(descriptor, b"\n" + line if is_torn else line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_directory(self.path.parent)
