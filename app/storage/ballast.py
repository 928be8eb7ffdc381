"""A file that takes up room until it is needed: given up when the disk is full.

Terraform cannot wait for somebody to make room: a state that finds none is lost or, worse, printed.
Owns making and giving up the file; when to do either is decided by who writes beside it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from app.storage.durable import sync_directory

BALLAST = ".landform-ballast"
# Room that must be left beside the ballast, or it would be given up again at once.
SPARE_BYTES = 32 * 1024 * 1024


class Ballast:
    """The ballast file in ``folder``. It must never be the cause of trouble: nothing here raises.

    Args:
        folder: where it lies; it takes room from the file system of this folder.
        size_bytes: how much; 0 means none.
    """

    def __init__(self, folder: Path, size_bytes: int = 0) -> None:
        self._folder = folder
        self._path = folder / BALLAST
        self._size_bytes = size_bytes

    @property
    def exists(self) -> bool:
        """Whether there is something to give up."""
        return self._path.is_file()

    def release(self) -> bool:
        """Give the room up; tell whether there was any."""
        try:
            self._path.unlink()
            # A journaling file system gives the blocks back only with its next commit.
            sync_directory(self._folder)
        except OSError:
            return False
        return True

    def release_if_below(self, free_bytes: int) -> bool:
        """Give the room up when less than ``free_bytes`` are free; tell whether it did."""
        try:
            is_low = shutil.disk_usage(self._folder).free < free_bytes
        except OSError:
            return False
        return is_low and self.exists and self.release()

    def restore(self) -> bool:
        """Take the room again once there is plenty; tell whether the ballast is there now."""
        with suppress(OSError):
            if self.exists and self._path.stat().st_size == self._size_bytes:
                return True
            self._path.unlink(missing_ok=True)
            wanted = self._size_bytes + SPARE_BYTES
            if self._size_bytes and shutil.disk_usage(self._folder).free >= wanted:
                self._make()
        return self.exists

    def _make(self) -> None:
        """Reserve the blocks under another name: half a ballast must not look like a whole one."""
        unfinished = self._path.with_suffix(".new")
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size_bytes)
            finally:
                os.close(descriptor)
            unfinished.replace(self._path)
        finally:
            unfinished.unlink(missing_ok=True)
