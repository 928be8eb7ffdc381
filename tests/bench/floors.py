"""What the machine can do at best, to set beside what Landform does: fsync, INSERT, Terraform."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from app.db import Database
from app.terraform.discovery import discover


def time_fsync(folder: Path, rounds: int) -> float:
    """Return the median seconds of appending 4 KiB to a file and forcing it to the disk."""
    with (folder / "fsync").open("wb", buffering=0) as file:

        def append() -> None:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())

        return _median(append, rounds)


def time_insert(url: str, rounds: int) -> float:
    """Return the median seconds of a transaction that inserts one row, committed durably."""
    database = Database(url)
    with database.write() as session:
        session.execute(text("CREATE TABLE bench_floor (value VARCHAR(200))"))

    def insert() -> None:
        with database.write() as session:
            session.execute(text("INSERT INTO bench_floor VALUES (:value)"), {"value": "x" * 200})

    try:
        return _median(insert, rounds)
    finally:
        with database.write() as session:
            session.execute(text("DROP TABLE bench_floor"))
        database.close()


def time_terraform_start(rounds: int) -> float:
    """Return the median seconds in which Terraform starts, tells its version and ends."""
    command = [str(discover("").path), "version", "-json"]
    return _median(lambda: subprocess.run(command, check=True, capture_output=True), rounds)


def _median(act: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return statistics.median(times)
