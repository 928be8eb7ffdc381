"""``python -m tests.campaign``: kill Landform's processes at random and see what it promises."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from app.clock import utc_now
from app.logs import configure_logging
from tests.campaign import lab, several_hosts
from tests.campaign.campaign import Campaign, Size
from tests.campaign.crash_points import CrashPoints
from tests.campaign.databases import serve_databases
from tests.campaign.findings import Tally
from tests.campaign.host_faults import HOST_KINDS
from tests.campaign.report import Report
from tests.campaign.set_pieces import PIECES
from tests.campaign.trial import quiet_landform, running_trial

WORKERS = 4
KILLS = 500
HOST_FAULTS = 50
"""In 40 minutes: a lost host alone takes half a minute until others may have what it held."""

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
KEPT_VARIABLES = {"LANDFORM_PROVIDER_MIRROR", "LANDFORM_TERRAFORM"}


def main() -> int:
    """Run one campaign; return 0 only when every promise was kept."""
    asked = _parse_arguments()
    for number in STOPS:
        signal.signal(number, _stop)
    for name in [name for name in os.environ if name.startswith(("LANDFORM_", "TF_"))]:
        if name not in KEPT_VARIABLES:
            del os.environ[name]
    configure_logging("CRITICAL", "console")  # of the quiet Landform, which lives in this process
    if asked.hosts > 1 and asked.inside is None:
        if reason := lab.why_not():
            sys.exit(f"campaign on {asked.hosts} hosts: {reason}")
        return lab.run_inside(sys.argv[1:])
    tally = Tally()
    if asked.hosts > 1:
        _say(f"campaign with seed {asked.seed} on {asked.hosts} hosts")
        report = several_hosts.run_campaign(_hosts_plan(asked), _size(asked), tally, _say)
    else:
        report = _try_one(asked, tally)
    if asked.report is not None:
        asked.report.write_text(json.dumps(report.to_dict(), indent=2) + "\n")
    print(report.markdown())
    print(report.sentence())
    return 0 if report.is_good else 1


def _try_one(asked: argparse.Namespace, tally: Tally) -> Report:
    """Try a Landform on one host."""
    print(f"campaign with seed {asked.seed} on {asked.database}", flush=True)
    with (
        tempfile.TemporaryDirectory(
            prefix="landform-campaign-", ignore_cleanup_errors=True
        ) as name,
        serve_databases(asked.database, (folder := Path(name)) / "home") as databases,
        running_trial(folder, databases.url, WORKERS) as trial,
        quiet_landform(folder, databases.other_url, trial) as quiet,
    ):
        crashes = CrashPoints(asked.seed, quiet, tally)
        size, seed = _size(asked), asked.seed
        campaign = Campaign(trial, tally, seed, size, PIECES, [crashes], databases.outage)
        campaign.run(_say)
        if tally.problems and asked.keep_log is not None:
            asked.keep_log.write_bytes(trial.running.output.read_bytes())
    return Report(tally, seed=asked.seed, database=asked.database, wanted_kills=asked.kills)


def _size(asked: argparse.Namespace) -> Size:
    return Size(
        kills=asked.kills, seconds=60 * asked.minutes, slots=asked.slots, machines=asked.machines
    )


def _hosts_plan(asked: argparse.Namespace) -> several_hosts.Plan:
    return several_hosts.Plan(
        folder=asked.inside,
        hosts=asked.hosts,
        seed=asked.seed,
        faults=asked.fault or list(HOST_KINDS),
        rolling=asked.rolling,
        rate=asked.rate,
        longest_cut_seconds=asked.longest_cut,
        keep_log=asked.keep_log,
    )


def _say(text: str) -> None:
    print(f"{utc_now():%H:%M:%S} {text}", flush=True)


def _stop(number: int, _frame: object) -> None:
    """Unwind, so that everything that was started ends; further signals must not cut that short."""
    for further in STOPS:
        signal.signal(further, signal.SIG_IGN)
    sys.exit(128 + number)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, help="how many at least: 500, or 50 faults of hosts")
    parser.add_argument("--minutes", type=float, default=40, help="of killing, at most")
    parser.add_argument("--machines", type=int, default=30, help="of each stack, about")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--slots", type=int, default=4, help="stacks that are busy at once")
    parser.add_argument("--hosts", type=int, default=1, help="more than one: faults of hosts")
    parser.add_argument(
        "--rolling", type=int, default=0, help="rounds of restarts of all hosts, nothing killed"
    )
    parser.add_argument("--rate", type=float, default=20, help="requests a second, with hosts")
    parser.add_argument(
        "--fault", action="append", choices=list(HOST_KINDS), help="of hosts; all by default"
    )
    parser.add_argument(
        "--longest-cut", type=float, default=120, help="seconds that a network is cut at most"
    )
    parser.add_argument(lab.INSIDE, dest="inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--keep-log", type=Path, help="where to keep the log if a promise broke")
    asked = parser.parse_args()
    if asked.kills is None:
        asked.kills = KILLS if asked.hosts == 1 else HOST_FAULTS
    return asked


if __name__ == "__main__":
    sys.exit(main())
