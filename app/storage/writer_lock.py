"""The lock of whoever writes to a stack: a flock(2) on a file on the volume.

Terraform inherits it, so it lasts until the last process that has it is gone, however that dies.
Owns the file ``stacks/<stack id>/writer.lock``, wherever the state itself is kept.
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
        make_directory(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock_within(descriptor, wait_seconds, stack_id)
        yield descriptor
    finally:
        os.close(descriptor)


def is_writer_lock_held(volume: Volume, stack_id: str) -> bool:
    """Tell whether a process holds the lock; asks for a shared one and gives it back at once.

    Raises:
        VolumeError: the volume cannot be used.
    """
    path = _path(volume, stack_id)
    volume.check_identity()
    with translate_errors(volume.root):
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


def _path(volume: Volume, stack_id: str) -> Path:
    return volume.root / "stacks" / check_stack_id(stack_id) / WRITER_LOCK


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
