"""Runs a command that ends when the supervisor ends, even by SIGKILL.

Started as a script: ``python -I -S parent_death.py SUPERVISOR_PID COMMAND…``. It asks the
kernel for a SIGTERM at the death of its parent and becomes the command. A wrapper, because a
``preexec_fn`` between fork and exec, is unsafe in a process that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tie_to(supervisor_pid: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent, ``supervisor_pid``, dies.

    Raises:
        SystemExit: it is dead already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != supervisor_pid:
        sys.exit("The supervisor ended before this process could start.")


def main(supervisor_pid: int, command: list[str]) -> None:
    """Tie this process to ``supervisor_pid`` and become ``command``."""
    tie_to(supervisor_pid)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
