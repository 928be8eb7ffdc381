"""Do a worker's or the maintenance loop's work in a process that ends suddenly at one chosen point.

``python -m tests.campaign.crash_once WORK POINT before|after NTH [OPERATION]``. The hooks are made
here, in this process alone; the product knows nothing of them. Exit status 137 means crashed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.config.settings import Settings
from app.queue.notifier import Notifier
from app.services.context import Context, build_context
from app.services.engine import engine
from app.services.engine.apply_run import ApplyRun
from app.services.engine.recovery import dead_runs, run_directories
from app.storage.run_directory import RunDirectory
from app.storage.volume_state_store import VolumeStateStore

CRASHED = 137
POINTS: dict[str, tuple[object, str]] = {
    "enqueue": (Notifier, "notify"),
    "claim": (engine, "claim"),
    "snapshot": (ApplyRun, "_snapshot"),
    "promote": (VolumeStateStore, "promote"),
    "rename": (Path, "replace"),
    "fsync": (os, "fsync"),
    "start": (subprocess.Popen, "__init__"),
    "remove": (RunDirectory, "remove"),
}
COMMIT = "commit"


class Fuse:
    """Ends the process when it has been touched ``nth`` times."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def touch(self, *_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os._exit(CRASHED)


def set_fuse(point: str, when: str, nth: int) -> None:
    """Arm the hook of one point."""
    fuse = Fuse(nth)
    if point == COMMIT:
        event.listen(Session, f"{when}_commit", fuse.touch)
        return
    owner, name = POINTS[point]
    setattr(owner, name, _wrap(getattr(owner, name), fuse, when))


def _wrap(function: Callable[..., Any], fuse: Fuse, when: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if when == "before":
            fuse.touch()
        result = function(*arguments, **options)
        if when == "after":
            fuse.touch()
        return result

    return call


def keep(ctx: Context) -> None:
    """Do the part of the maintenance loop's round that recovers."""
    dead_runs.reap(ctx)
    run_directories.save_unsaved(ctx)
    run_directories.remove_leftovers(ctx)


def main(work: str, point: str, when: str, nth: str, *operation: str) -> None:
    ctx = build_context(Settings.from_env())
    set_fuse(point, when, int(nth))
    if work == "keep":
        keep(ctx)
    else:
        engine.Engine(ctx).carry_out(operation[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
