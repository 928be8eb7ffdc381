"""The pool of provider processes as a process of its own, for tests."""

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

from app.config.settings import REPOSITORY_ROOT, pool_socket


@contextmanager
def serving_pool(home: Path, limit: int = 4) -> Iterator[psutil.Process]:
    """Run ``python -m workers.provider_pool`` for ``home`` while the block lasts."""
    environment = {
        "PATH": os.environ["PATH"],
        "LANDFORM_HOME": str(home),
        "LANDFORM_KEPT_PROVIDERS": str(limit),
        "LANDFORM_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "workers.provider_pool"]
    with subprocess.Popen(command, cwd=REPOSITORY_ROOT, env=environment) as pool:
        try:
            _wait_until_it_listens(pool_socket(home))
            yield psutil.Process(pool.pid)
        finally:
            pool.terminate()


def share_pool(pool_home: Path, home: Path) -> None:
    """Let the Landform of ``home`` use the pool of ``pool_home``."""
    listen = pool_socket(home)
    listen.parent.mkdir(parents=True, exist_ok=True)
    listen.unlink(missing_ok=True)
    listen.symlink_to(pool_socket(pool_home))


def _wait_until_it_listens(listen: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(listen))
                return
            except OSError:
                assert time.monotonic() < deadline, "the pool does not listen"
        time.sleep(0.02)
