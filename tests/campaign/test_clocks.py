"""A host's programs see the time of day that its clock was set to, and no other clock of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.campaign.clocks import Clock, build_library

TELL = "import time; time.sleep(0.01); print(time.time(), time.monotonic())"


@pytest.mark.parametrize("ahead", [0, 3600, -3600])
def test_only_the_time_of_day_is_set(tmp_path: Path, ahead: int) -> None:
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler on this machine")
    clock = Clock(library, tmp_path / "clock")
    clock.put_ahead(ahead)
    before = time.time() + ahead, time.monotonic()
    told = subprocess.run(
        [sys.executable, "-c", TELL],
        env={**os.environ, **clock.variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    after = time.time() + ahead, time.monotonic()
    for early, seen, late in zip(before, map(float, told), after, strict=True):
        assert early < seen < late
