"""The command line of this process as ``ps`` shows it, for one that was forked and not executed.

Writes over the arguments where the kernel keeps them, so it has the room of the process's own
command line; ``PADDING`` as its last argument makes some.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path

PADDING = "-" * 2048
STAT_FILE = Path("/proc/self/stat")
# proc(5): the fields arg_start and arg_end, counted from the one after the name.
ARGUMENTS_START, ARGUMENTS_END = 45, 46


def set_title(words: Sequence[str]) -> None:
    """Have ``ps`` show ``words`` as the command line of this process, as far as there is room."""
    if sys.platform != "linux":
        return
    fields = STAT_FILE.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    start, end = int(fields[ARGUMENTS_START]), int(fields[ARGUMENTS_END])
    title = b"".join(word.encode() + b"\0" for word in words)[: end - start - 1]
    # The last byte stays 0: another one there means to the kernel that the title goes on.
    ctypes.memmove(start, title.ljust(end - start, b"\0"), end - start)
