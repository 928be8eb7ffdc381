"""Owns how Linux schedules the threads of the service and of the provider.

Must stay free of other imports of ours: both use it before anything else.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def let_threads_finish() -> None:
    """Ask that a thread which wakes up does not push another off its processor at once.

    Of the many threads of such a process only one can run Python. When each that wakes pushes
    another away, and is put on another processor, handing the interpreter on takes a fifth of all
    that a sweep for drift costs the provider. SCHED_BATCH has the same share of the processors and
    needs no privilege; threads inherit it, so it comes before the first. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a container's profile may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
