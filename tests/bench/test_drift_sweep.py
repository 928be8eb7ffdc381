"""The bench of drift measures what it says: a short run of both sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.drift_sweep import SweepSize, drift_rows
from tests.bench.naive_loop import Sweep


def test_rates_follow_from_what_was_measured() -> None:
    sweep = Sweep(stacks=30, drifted=frozenset(), seconds=20, cpu_seconds=15, peak_mib=1)
    assert (sweep.per_minute, sweep.cpu_per_check) == (90, 0.5)


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_short_run_of_both_sweeps_finds_the_same_drift(tmp_path: Path) -> None:
    rows = drift_rows(tmp_path / "drift", SweepSize(stacks=3, machines=2, asked=2))
    naive, first, ours, waits = rows.values()
    assert "a minute" in naive
    assert "times** as many" in first
    assert "times** as many" in ours
    assert "ms" in waits
