"""The mounted file system that holds state: is it there, is it ours, can it be written.

Owns the sentinel ``.landform-volume``, without which an unmounted mount point would look like an
empty volume and every stack like a new one. It knows nothing of what is stored on the volume. A
mount that hangs is noticed here: small questions are answered in ``ANSWER_SECONDS``, and no work on
the volume takes longer than ``WORK_SECONDS``.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from app.domain.ids import VOLUME, new_id
from app.storage.durable import (
    TEMPORARY_PREFIX,
    make_directory,
    sweep_temporaries,
    sync_directory,
    write_synced,
)
from app.storage.volume_errors import (
    VolumeError,
    VolumeForeignError,
    VolumeFullError,
    VolumeHungError,
    VolumeMissingError,
    VolumeReadOnlyError,
)
from app.storage.watchdog import NoAnswerError, ask_within

Answer = TypeVar("Answer")

SENTINEL = ".landform-volume"
SENTINEL_FORMAT = 1
MIN_FREE_BYTES = 16 * 1024 * 1024
# A healthy mount answers in milliseconds; whoever asks is told of a hung one within 5 s.
ANSWER_SECONDS = 4.0
# A large state on a slow disk takes its time; but a transaction in SQL may be open meanwhile.
WORK_SECONDS = 30.0
# What a fresh ext4 file system holds.
IGNORED_NAMES = frozenset({"lost+found"})

LOOK = "check the disk, or the server that it is mounted from"

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESTALE)


class Volume:
    """The state volume at ``root``.

    Args:
        root: the mount point.
        expected_id: the id kept in SQL, or None when Landform has no volume yet.
    """

    def __init__(self, root: Path, expected_id: str | None = None) -> None:
        self.root = root
        self.expected_id = expected_id

    def initialize(self) -> str:
        """Make the volume Landform's, or recognise it, and return its id for SQL.

        Raises:
            VolumeMissingError: an id is expected but there is no sentinel (not mounted).
            VolumeForeignError: another volume, or a folder with other people's files.
            VolumeError: the file system refuses.
        """
        if self.expected_id is None:
            self.ask(self._take_possession)
        self.expected_id = self.check_identity()
        return self.expected_id

    def adopt(self, volume_id: str) -> None:
        """Give an empty volume the id that a restored database knows, or recognize it by that.

        Raises:
            VolumeForeignError, VolumeError: as ``initialize``.
        """
        self.ask(lambda: self._take_possession(volume_id))
        self.expected_id = volume_id
        self.check_identity()

    def check(self, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        """Prove that the volume is ours, writable and not full, by writing a small file.

        Raises:
            VolumeMissingError, VolumeForeignError, VolumeReadOnlyError, VolumeFullError,
            VolumeHungError, VolumeError: in one sentence that says what to do.
        """
        self.check_identity()
        self.ask(self._write_probe)
        free = self.free_bytes()
        if free < min_free_bytes:
            raise VolumeFullError(
                f"The state volume at {self.root} has {free} bytes free and needs "
                f"{min_free_bytes}: make room or enlarge it."
            )

    def check_identity(self) -> str:
        """Check the sentinel alone, which costs one small read, and return the volume's id.

        Raises:
            VolumeMissingError: there is no sentinel.
            VolumeForeignError: the sentinel is damaged or names another volume.
            VolumeHungError: the mount does not answer.
        """
        return self.ask(self._identity)

    def ask_own(self, question: Callable[[], Answer], seconds: float = ANSWER_SECONDS) -> Answer:
        """Return the answer to a question as ``ask`` does, once ``check_identity`` has passed."""

        def check_and_ask() -> Answer:
            self._identity()
            return question()

        return self.ask(check_and_ask, seconds)

    def free_bytes(self) -> int:
        """Return the bytes that are free for Landform's user."""
        return self.ask(lambda: shutil.disk_usage(self.root).free)

    def ask(self, question: Callable[[], Answer], seconds: float = ANSWER_SECONDS) -> Answer:
        """Return the answer to a question about the file system, or do some work on it.

        Work that is given up on may still be done when the mount answers again, so it must be
        whole in itself.

        Raises:
            VolumeHungError: there was no answer within ``seconds``.
            VolumeError: the file system refuses.
        """
        try:
            with translate_errors(self.root):
                return ask_within(self.root, seconds, question)
        except NoAnswerError as error:
            raise VolumeHungError(
                f"The state volume at {self.root} does not answer for {seconds:g} seconds or more: "
                f"{LOOK}."
            ) from error

    @property
    def _sentinel(self) -> Path:
        return self.root / SENTINEL

    def _take_possession(self, volume_id: str | None = None) -> None:
        if self._sentinel.exists():
            return
        make_directory(self.root)
        self._refuse_foreign_files()
        self._write_sentinel(volume_id or new_id(VOLUME))

    def _identity(self) -> str:
        found = self._read_sentinel()
        if self.expected_id is not None and found != self.expected_id:
            raise VolumeForeignError(
                f"The volume at {self.root} is {found}, but {self.expected_id} is expected: "
                "mount the right one, or correct LANDFORM_STATE_ROOT."
            )
        return found

    def _read_sentinel(self) -> str:
        try:
            data = json.loads(self._sentinel.read_bytes())
        except FileNotFoundError as error:
            raise VolumeMissingError(
                f"There is no Landform volume at {self.root}: mount it, or correct "
                "LANDFORM_STATE_ROOT."
            ) from error
        except ValueError:
            data = None
        found = data.get("id") if isinstance(data, dict) else None
        if not isinstance(found, str) or not found or data.get("format") != SENTINEL_FORMAT:
            raise VolumeForeignError(
                f"{self._sentinel} is damaged or of another format: restore it from a backup "
                f"of the volume, with the id {self.expected_id or 'kept in the database'}."
            )
        return found

    def _refuse_foreign_files(self) -> None:
        names = {entry.name for entry in os.scandir(self.root)} - IGNORED_NAMES
        foreign = sorted(name for name in names if not name.startswith(TEMPORARY_PREFIX))
        if foreign and SENTINEL not in foreign:
            raise VolumeForeignError(
                f"{self.root} holds files that are not Landform's (such as {foreign[0]!r}): "
                "point LANDFORM_STATE_ROOT to an empty folder or volume."
            )

    def _write_sentinel(self, volume_id: str) -> None:
        """Link a complete file into place: of two that start at once, one wins for both."""
        temporary = self.root / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        content = json.dumps({"format": SENTINEL_FORMAT, "id": volume_id}) + "\n"
        try:
            write_synced(temporary, content.encode())
            with suppress(FileExistsError):
                os.link(temporary, self._sentinel)
        finally:
            temporary.unlink(missing_ok=True)
        sync_directory(self.root)

    def _write_probe(self) -> None:
        sweep_temporaries(self.root)
        probe = self.root / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            write_synced(probe, b"landform\n")
        finally:
            probe.unlink(missing_ok=True)


@contextmanager
def translate_errors(root: Path) -> Iterator[None]:
    """Turn what the operating system says about the volume at ``root`` into a volume error."""
    try:
        yield
    except OSError as error:
        raise describe_os_error(error, root) from error


def describe_os_error(error: OSError, root: Path) -> VolumeError:
    """Return the volume error that fits ``error``, in one sentence that says what to do."""
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return VolumeFullError(f"The state volume at {root} is full ({reason}): make room on it.")
    if error.errno == errno.ETIMEDOUT:
        return VolumeHungError(f"The state volume at {root} does not answer ({reason}): {LOOK}.")
    if error.errno in READ_ONLY:
        return VolumeReadOnlyError(
            f"The state volume at {root} cannot be written ({reason}): remount it read-write and "
            "let Landform's user own it."
        )
    if error.errno in MISSING:
        return VolumeMissingError(
            f"The state volume at {root} is not there ({reason}): mount it, or correct "
            "LANDFORM_STATE_ROOT."
        )
    return VolumeError(f"The state volume at {root} failed ({reason}): check the disk.")
