"""Removes a folder tree that somebody else filled.

``shutil.rmtree`` descends once for each level, so a module that makes folders a thousand deep, or
closes one to its owner, leaves a folder that is never removed, with the secrets of its run. Here
what lies deeper is moved up instead: two folders are open at a time, however deep the tree is, and
no path is longer than a name. Nothing is followed out of the tree.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

MAX_ROUNDS = 20_000
"""As many levels as a tree may have. What is deeper, or filled meanwhile, goes the next time."""

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
GONE = (errno.ENOENT, errno.ENOTDIR)


def remove_tree(path: Path) -> None:
    """Remove the folder ``path`` and all in it; what is gone already is fine.

    Raises:
        OSError: something cannot be removed, or is made faster than it goes.
    """
    try:
        root = _open_root(path)
    except OSError as error:
        if error.errno in GONE:
            return
        raise
    try:
        for _ in range(MAX_ROUNDS):
            names = os.listdir(root)  # noqa: PTH208  # a descriptor
            if not names:
                break
            for name in names:
                _remove_entry(name, root)
    finally:
        os.close(root)
    with suppress(FileNotFoundError):
        path.rmdir()


def discard_tree(path: Path) -> None:
    """Remove what can be removed of the folder ``path``; nobody waits for it."""
    with suppress(OSError):
        remove_tree(path)


def _remove_entry(name: str, root: int) -> None:
    """Remove a file of ``root``, or a folder whose own folders move up into ``root``."""
    try:
        if not stat.S_ISDIR(os.lstat(name, dir_fd=root).st_mode):
            os.unlink(name, dir_fd=root)
            return
        _empty(name, root)
        os.rmdir(name, dir_fd=root)
    except OSError as error:
        # Filled again by a process that the run left: the next round sees it.
        if error.errno not in (*GONE, errno.ENOTEMPTY):
            raise


def _empty(name: str, root: int) -> None:
    folder = _open(name, root)
    try:
        for inner in os.listdir(folder):  # noqa: PTH208  # a descriptor
            if stat.S_ISDIR(os.lstat(inner, dir_fd=folder).st_mode):
                _open_up(inner, folder)
                os.rename(inner, secrets.token_hex(12), src_dir_fd=folder, dst_dir_fd=root)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)


def _open_root(path: Path) -> int:
    # The folder above is Landform's own, and may be a link to another disk.
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _open(path.name, parent)
    finally:
        os.close(parent)


def _open(name: str, parent: int) -> int:
    _open_up(name, parent)
    return os.open(name, OPEN_FOLDER, dir_fd=parent)


def _open_up(name: str, parent: int) -> None:
    """Let the owner into a folder that was closed; through a descriptor, never through a link."""
    found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        mode = os.fstat(found).st_mode
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{found}", 0o700)  # noqa: PTH101  # O_PATH knows no fchmod
    finally:
        os.close(found)
