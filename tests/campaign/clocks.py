"""Clocks of hosts that can be set, although all hosts of a campaign share one kernel.

Time namespaces do not cover the time of day (time_namespaces(7)). So the programs of a host are
given a small library that adds to it; Python's processes use it, Terraform does not.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


def build_library(folder: Path) -> Path | None:
    """Return the library, or nothing where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    made = folder / "clock.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(made), str(SOURCE)], check=True)
    return made


class Clock:
    """The clock of one host."""

    def __init__(self, library: Path, path: Path) -> None:
        """Make one that is right; ``path`` is the file that its programs read."""
        self._path = path
        self.variables = {"LD_PRELOAD": str(library), "CAMPAIGN_CLOCK": str(path)}
        self._path.write_bytes(struct.pack("=q", 0))

    def put_ahead(self, seconds: int) -> None:
        """Set it ahead of the others by so many seconds, or behind them."""
        with self._path.open("r+b") as file:
            file.write(struct.pack("=q", seconds))
