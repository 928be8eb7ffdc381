"""Locks by which hosts that share a volume prove to each other that its locks hold between them.

The agent of each host holds ``.landform-hosts/<instance id>`` with flock(2) while it runs, and the
kernel lets go however it ends. A mount that keeps locks to each of its clients (NFS with
``nolock``, some FUSE file systems) grants every host every lock: two writers on one state.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from app.storage.durable import make_directory
from app.storage.volume import Volume

FOLDER = ".landform-hosts"


class HostLock:
    """The lock of this host, held for as long as the process that took it runs."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def keep(self, volume: Volume, instance_id: str) -> None:
        """Take the lock of an instance, unless this or another process of the host has it.

        The volume may have been mounted again and the host may have got another instance: then
        the former lock is of no use and is given back.

        Raises:
            VolumeError: the volume cannot be used.
        """
        volume.ask_own(lambda: self._keep(volume.root / FOLDER / instance_id))

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _keep(self, path: Path) -> None:
        if self._descriptor is not None and _is_at(self._descriptor, path):
            return
        self.release()
        make_directory(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        else:
            self._descriptor = descriptor


def is_granted(volume: Volume, instance_id: str) -> bool:
    """Tell whether the volume would give the lock of another host to this one.

    Returns:
        False also when that host has never taken it: an agent of a former version does not.

    Raises:
        VolumeError: the volume cannot be used.
    """
    return volume.ask_own(lambda: _is_granted(volume.root / FOLDER / instance_id))


def forget_locks(volume: Volume, living: set[str]) -> None:
    """Remove the files of instances that are not known any more.

    Raises:
        VolumeError: the volume cannot be used.
    """

    def remove() -> None:
        with suppress(FileNotFoundError):
            for path in (volume.root / FOLDER).iterdir():
                if path.name not in living:
                    path.unlink(missing_ok=True)

    volume.ask_own(remove)


def _is_granted(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
