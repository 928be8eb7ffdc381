"""A process that holds secrets is closed to others of its user, and so is what it writes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from app.config.settings import REPOSITORY_ROOT

TELL = """
import ctypes, json, os, resource, sys
from app.process_secrecy import close_to_others
if "close" in sys.argv:
    close_to_others()
umask = os.umask(0)
print(json.dumps([umask, resource.getrlimit(resource.RLIMIT_CORE)[1], ctypes.CDLL(None).prctl(3)]))
"""  # 3 is PR_GET_DUMPABLE: whether others of the user may read memory and environment


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_closed_process_writes_and_shows_nothing_to_others() -> None:
    command = [sys.executable, "-c", TELL]
    told = [
        json.loads(subprocess.check_output([*command, *more], cwd=REPOSITORY_ROOT))
        for more in ([], ["close"])
    ]
    assert told[0][2] == 1, "Linux closes no process by itself"
    assert told[1] == [0o077, 0, 0]
