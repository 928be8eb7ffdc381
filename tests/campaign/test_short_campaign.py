"""A short campaign with a fixed seed: every promise is kept while plugs are pulled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign.campaign import Campaign, Size
from tests.campaign.crash_points import CrashPoints, Point
from tests.campaign.findings import Kill, Promise, Tally
from tests.campaign.invariants import StackChecks
from tests.campaign.report import Report
from tests.campaign.trial import Trial, quiet_landform, running_trial

SIZE = Size(kills=8, seconds=7, slots=2, workers=2, machines=8)


@pytest.mark.thorough  # takes a minute; single kills are in tests/services/engine/test_recovery.py
@pytest.mark.timeout(300)
def test_a_short_campaign_breaks_no_promise(tmp_path: Path) -> None:
    tally = Tally()
    with (
        running_trial(tmp_path / "loud", "", SIZE.workers) as trial,
        quiet_landform(tmp_path, "", trial) as quiet,
    ):
        crashes = CrashPoints(7, quiet, tally)
        Campaign(trial, tally, 7, SIZE).run()
        crashes.crash_one(Point("claim", "after"))
        _a_loss_is_noticed(trial)
    assert tally.problems == []
    assert tally.kills, "something was killed"
    assert crashes.crashed, "something crashed at its point"


def _a_loss_is_noticed(trial: Trial) -> None:
    """The checks themselves can fail: a stack that had a state and has none is a loss."""
    tally = Tally()
    checks = StackChecks(trial, tally, "stk_none")
    checks.memory.serial = 3
    checks.check(is_exact=False)
    assert tally.count(Promise.STATE) == 1


def test_a_report_is_good_only_when_nothing_broke_and_enough_was_killed() -> None:
    tally = Tally()
    for number in range(20):
        tally.kill(Kill("horse", "apply applying", float(number)))

    def report(wanted: int) -> Report:
        return Report(tally, seed=1, database="sqlite", wanted_kills=wanted)

    assert report(20).is_good
    assert (
        report(20)
        .sentence()
        .startswith("0 lost states, 0 forgotten resources, 0 doubled, 0 abandoned, 0 stuck")
    )
    assert "| horse | 20 |" in report(20).markdown()
    assert not report(21).is_good
    tally.problem(Promise.RESOURCE, "one")
    assert not report(20).is_good
    assert "1 forgotten resources" in report(20).sentence()
