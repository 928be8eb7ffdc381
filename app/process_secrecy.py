"""What every process of Landform does before it reads a secret: it closes itself to others.

Another process of the same user can read ``/proc/PID/environ`` and the memory of a process, unless
the process says that it may not (prctl(2), PR_SET_DUMPABLE). It holds for what is forked, and has
to be said again after each execve.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

PRIVATE = 0o077
PR_SET_DUMPABLE = 4


def close_to_others() -> None:
    """Make what this process writes private, and its memory and environment unreadable."""
    os.umask(PRIVATE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
