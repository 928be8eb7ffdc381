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

from app.logs import configure_logging
from tests.campaign.campaign import Campaign, Size
from tests.campaign.crash_points import CrashPoints
from tests.campaign.databases import serve_databases
from tests.campaign.findings import Tally
from tests.campaign.report import Report
from tests.campaign.set_pieces import PIECES
from tests.campaign.trial import quiet_landform, running_trial

WORKERS = 4
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
    tally = Tally()
    print(f"campaign with seed {asked.seed} on {asked.database}", flush=True)
    with (
        tempfile.TemporaryDirectory(
            prefix="landform-campaign-", ignore_cleanup_errors=True
        ) as name,
        serve_databases(asked.database, (folder := Path(name)) / "home") as databases,
        running_trial(folder, databases.url, WORKERS) as trial,
        quiet_landform(folder, databases.other_url, trial) as quiet,
    ):
        seconds = 60 * asked.minutes
        size = Size(kills=asked.kills, seconds=seconds, machines=asked.machines)
        crashes = CrashPoints(asked.seed, quiet, tally)
        campaign = Campaign(trial, tally, asked.seed, size, PIECES, crashes, databases.outage)
        campaign.run(lambda text: print(text, flush=True))
        if tally.problems and asked.keep_log is not None:
            asked.keep_log.write_bytes(trial.running.output.read_bytes())
    report = Report(tally, seed=asked.seed, database=asked.database, wanted_kills=asked.kills)
    if asked.report is not None:
        asked.report.write_text(json.dumps(report.to_dict(), indent=2) + "\n")
    print(report.markdown())
    print(report.sentence())
    return 0 if report.is_good else 1


def _stop(number: int, _frame: object) -> None:
    """Unwind, so that everything that was started ends; further signals must not cut that short."""
    for further in STOPS:
        signal.signal(further, signal.SIG_IGN)
    sys.exit(128 + number)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=500, help="how many at least")
    parser.add_argument("--minutes", type=float, default=40, help="of killing, at most")
    parser.add_argument("--machines", type=int, default=30, help="of each stack, about")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--keep-log", type=Path, help="where to keep the log if a promise broke")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
