"""The keeper of provider processes as a process of its own, for tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from app.settings import REPOSITORY_ROOT, keeper_socket


@contextmanager
def serving_keeper(home: Path, limit: int = 4) -> Iterator[psutil.Process]:
    """Run ``python -m workers.provider_keeper`` for ``home`` while the block lasts."""
    environment = {
        "PATH": os.environ["PATH"],
        "LANDFORM_HOME": str(home),
        "LANDFORM_KEPT_PROVIDERS": str(limit),
        "LANDFORM_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "workers.provider_keeper"]
    with subprocess.Popen(command, cwd=REPOSITORY_ROOT, env=environment) as keeper:
        try:
            _wait_until_it_listens(keeper_socket(home))
            yield psutil.Process(keeper.pid)
        finally:
            keeper.terminate()


def share_keeper(keeper_home: Path, home: Path) -> None:
    """Let the Landform of ``home`` use the keeper of ``keeper_home``."""
    listen = keeper_socket(home)
    listen.parent.mkdir(parents=True, exist_ok=True)
    listen.unlink(missing_ok=True)
    listen.symlink_to(keeper_socket(keeper_home))


def _wait_until_it_listens(listen: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(listen))
                return
            except OSError:
                assert time.monotonic() < deadline, "the keeper does not listen"
        time.sleep(0.02)
