"""Looks through a folder that Terraform filled, however deep it is.

``os.walk`` and ``Path.rglob`` call themselves once for each level (until Python 3.12), so that a
module could stop with a deep folder whoever looks through it. Links are told and not followed; what
cannot be opened, as its path is too long for the system, is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path


def walk(folder: Path, skipped: Collection[str] = ()) -> Iterator[os.DirEntry[str]]:
    """Yield everything below ``folder``, a folder before what is in it.

    Args:
        folder: where to begin; without it there is nothing.
        skipped: names of folders that are passed over, at any level.
    """
    waiting = [str(folder)]
    while waiting:
        entries: list[os.DirEntry[str]] = []
        with suppress(OSError), os.scandir(waiting.pop()) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and entry.name in skipped:
                continue
            if is_folder:
                waiting.append(entry.path)
            yield entry
