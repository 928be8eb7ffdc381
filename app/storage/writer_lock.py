"""The lock of whoever writes to a stack: a flock(2) on a file, on the volume or on this host.

Terraform inherits it, so it lasts until the last process that has it is gone, however that dies.
Owns the file ``stacks/<stack id>/writer.lock`` of a volume, and ``locks/<stack id>`` of a work
folder, which parts the processes of one host where state is on S3.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StackBusyError
from app.storage.durable import make_directory
from app.storage.state_format import check_stack_id
from app.storage.volume import Volume, translate_errors
from app.storage.work_folder_errors import WorkFolderError

WRITER_LOCK = "writer.lock"
LOCK_POLL_SECONDS = 0.1


@contextmanager
def hold_writer_lock(volume: Volume, stack_id: str, wait_seconds: float) -> Iterator[int]:
    """Hold the lock for the length of the block; gives the descriptor that Terraform inherits.

    Raises:
        NotFoundError: ``stack_id`` is not the id of a stack.
        StackBusyError: another writer has not let go within ``wait_seconds``.
        VolumeError: the volume cannot be used.
    """
    path = _path(volume, stack_id)
    volume.check_identity()
    with translate_errors(volume.root):
        descriptor = _open(path)
    with _holding(descriptor, wait_seconds, stack_id):
        yield descriptor


def is_writer_lock_held(volume: Volume, stack_id: str) -> bool:
    """Tell whether a process holds the lock; asks for a shared one and gives it back at once.

    Raises:
        VolumeError: the volume cannot be used.
    """
    path = _path(volume, stack_id)
    volume.check_identity()
    with translate_errors(volume.root):
        return _is_held(path)


@contextmanager
def hold_host_lock(folder: Path, stack_id: str, wait_seconds: float) -> Iterator[int]:
    """Be the only process of this host that writes to a stack; as ``hold_writer_lock``.

    Raises:
        NotFoundError: ``stack_id`` is not the id of a stack.
        StackBusyError: another process has not let go within ``wait_seconds``.
        WorkFolderError: the work folder of this host cannot be used.
    """
    with _naming(folder):
        descriptor = _open(folder / check_stack_id(stack_id))
    with _holding(descriptor, wait_seconds, stack_id):
        yield descriptor


def is_host_lock_held(folder: Path, stack_id: str) -> bool:
    """Tell whether a process of this host holds the lock.

    Raises:
        WorkFolderError: the work folder of this host cannot be used.
    """
    with _naming(folder):
        return _is_held(folder / check_stack_id(stack_id))


def _path(volume: Volume, stack_id: str) -> Path:
    return volume.root / "stacks" / check_stack_id(stack_id) / WRITER_LOCK


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkFolderError(f"Locks cannot be kept in {folder} ({reason}).") from error


def _open(path: Path) -> int:
    make_directory(path.parent)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


@contextmanager
def _holding(descriptor: int, wait_seconds: float, stack_id: str) -> Iterator[None]:
    try:
        _lock_within(descriptor, wait_seconds, stack_id)
        yield
    finally:
        os.close(descriptor)


def _is_held(path: Path) -> bool:
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock_within(descriptor: int, seconds: float, stack_id: str) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StackBusyError(
                    f"Another process still holds the writer's lock of {stack_id}."
                ) from error
        time.sleep(LOCK_POLL_SECONDS)
