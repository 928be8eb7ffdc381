"""A campaign on several hosts: their faults at random, or only restarts, one host after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.campaign.campaign import Campaign, Size
from tests.campaign.findings import Tally
from tests.campaign.fleet import outage_of, running_fleet
from tests.campaign.host_faults import HostFaults, RollingRestarts, judge_undisturbed
from tests.campaign.load import Load
from tests.campaign.report import Report

LIMIT_SECONDS = 60.0
"""Of 95 in 100 recoveries: what a host that is lost holds is free only after its lease."""


@dataclass(frozen=True)
class Plan:
    """What is done to how many hosts.

    ``rolling`` is the number of rounds in which all hosts are restarted, and nothing is killed; 0
    for faults. ``keep_log`` says where the log is kept if a promise broke.
    """

    folder: Path
    hosts: int
    seed: int
    faults: Sequence[str]
    rolling: int
    rate: float
    longest_cut_seconds: float
    keep_log: Path | None


def run_campaign(plan: Plan, size: Size, tally: Tally, say: Callable[[str], None]) -> Report:
    """Run it inside a laboratory (``lab``) and return its figures."""
    if plan.rolling:
        size = replace(size, kills=plan.rolling * plan.hosts, kills_operations=False)
    size = replace(size, counts_strikes=True)
    with running_fleet(plan.folder, plan.hosts) as trial:
        say("all hosts are ready")
        if plan.rolling:
            faults: HostFaults = RollingRestarts(plan.seed, trial, tally, plan.rolling)
        else:
            faults = HostFaults(
                plan.seed, trial, tally, plan.faults, plan.longest_cut_seconds, say=say
            )
        load = Load(trial, tally, plan.rate, may_break=not plan.rolling)
        outage = None if plan.rolling else outage_of(trial.shared)
        campaign = Campaign(
            trial, tally, plan.seed, size, beside=[load], outage=outage, disturber=faults
        )
        campaign.run(say)
        if plan.rolling:
            judge_undisturbed(trial, tally)
        if tally.problems and plan.keep_log is not None:
            plan.keep_log.write_bytes(trial.running.output())
    return Report(
        tally,
        seed=plan.seed,
        database=f"postgresql, {plan.hosts} hosts",
        wanted_kills=size.kills,
        limit_seconds=LIMIT_SECONDS,
        strikes=faults.strikes,
    )
