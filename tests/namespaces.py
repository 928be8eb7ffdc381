"""Processes in a PID namespace of their own: to Landform they are on another host."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

import pytest


def unshared(command: Sequence[str]) -> list[str]:
    """Return ``command`` in a new PID namespace; all in it dies with its first process."""
    options = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]
    return ["unshare", *options, "--", *command]


@cache
def are_allowed() -> bool:
    """Tell whether this kernel and user may make PID namespaces."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(unshared(["true"]), check=False, capture_output=True, timeout=30)
    return done.returncode == 0


needs_namespaces = pytest.mark.skipif(
    not are_allowed(), reason="PID namespaces cannot be made here: it takes Linux and root"
)
