"""A sweep of a fleet while scheduler and workers are killed: each stack is checked once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import psutil
import pytest
from sqlalchemy import select, update

from app.clock import utc_now
from app.db import Database
from app.models import DriftReport, Operation, Schedule
from tests.running import ENDED, RunningLandform, running_landform, wait_until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]

STACKS = 100
KILLS = 20
CHANGED_EVERY = 10
SEED = 5
SWEEP_SECONDS = 600.0
SETTINGS = {
    "LANDFORM_WORKERS": "3",
    "LANDFORM_DRIFT_LIMIT": "2",
    "LANDFORM_TICK_SECONDS": "1",
    "LANDFORM_API_RATE": "10000000/minute",
}


@pytest.fixture(scope="module")
def landform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLandform]:
    home = tmp_path_factory.mktemp("sweep") / "home"
    with running_landform(home, **SETTINGS) as running:
        yield running


def make_fleet(landform: RunningLandform) -> list[str]:
    """Make stacks that the clock would leave alone for a month."""
    month = {"interval_seconds": 30 * 86400}
    asked = [
        landform.create(f"bucket-{number}", "buckets", parameters={}, drift=month)
        for number in range(STACKS)
    ]
    for item in asked:
        done = landform.end_of(item["operation"]["id"], SWEEP_SECONDS)
        assert done["status"] == "applied", done
    return [item["stack"]["id"] for item in asked]


def change_outside(landform: RunningLandform, stack_id: str) -> None:
    (bucket,) = landform.cloud.list(tag=f"landform:stack={stack_id}")
    changed = {"attributes": {"versioning": not bucket["attributes"]["versioning"]}}
    landform.cloud.call("PATCH", f"/resources/{bucket['id']}", json=changed)


def kill_one(landform: RunningLandform, random: Random) -> str | None:
    """Kill the scheduler, a worker, or what it has forked for a check; tell which."""
    kind = random.choice(["scheduler", "worker", "horse"])
    victims = landform.processes(f"workers.{'scheduler' if kind == 'scheduler' else 'worker'}")
    if kind == "horse":
        victims = [horse for worker in victims for horse in worker.children()]
    if not victims:
        return None
    victim = random.choice(victims)
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return None
    return kind


def checks_since(database: Database, began: datetime) -> list[Operation]:
    with database.read() as session:
        query = select(Operation).where(
            Operation.type == "drift_check", Operation.created_at >= began
        )
        return list(session.scalars(query).unique())


def sweep_under_kills(
    landform: RunningLandform, fleet: list[str], random: Random, pause_seconds: float
) -> list[DriftReport]:
    """Let the clock check every stack, kill meanwhile, and return the reports.

    Args:
        landform: what runs.
        fleet: all of its stacks.
        random: chooses whom to kill.
        pause_seconds: the longest time between two kills.
    """
    database = Database(f"sqlite:///{landform.home / 'landform.db'}")
    began = utc_now()
    with database.write() as session:
        session.execute(update(Schedule).values(next_check_at=began - timedelta(seconds=1)))
    killed: Counter[str] = Counter()
    deadline = time.monotonic() + SWEEP_SECONDS
    while killed.total() < KILLS:
        assert time.monotonic() < deadline, f"only {killed} could be killed"
        time.sleep(random.uniform(pause_seconds / 5, pause_seconds))
        kind = kill_one(landform, random)
        killed.update([kind] if kind else [])
    assert {"scheduler", "worker"} <= killed.keys()
    wait_until(
        lambda: sum(row.status in ENDED for row in checks_since(database, began)) >= STACKS,
        "the end of the sweep",
        SWEEP_SECONDS,
    )
    time.sleep(3)  # what came too often would come with the next ticks
    checks = checks_since(database, began)
    assert Counter(row.stack_id for row in checks) == Counter(fleet), "one check for each stack"
    assert {row.status for row in checks} == {"planned_and_finished"}
    with database.read() as session:
        reports = session.scalars(select(DriftReport).where(DriftReport.checked_at >= began)).all()
    assert Counter(report.stack_id for report in reports) == Counter(fleet), "and one report"
    database.close()
    wait_until(lambda: landform.readiness()[0] == 200, "all parts to be there again")
    return list(reports)


def drifted(reports: list[DriftReport]) -> set[str]:
    assert {report.status for report in reports} == {"drifted", "in_sync"}
    return {report.stack_id for report in reports if report.status == "drifted"}


def test_each_stack_is_checked_exactly_once(landform: RunningLandform) -> None:
    """By Terraform at first; then most of them by their provider, many in one process."""
    fleet, random = make_fleet(landform), Random(SEED)
    changed, more = set(fleet[::CHANGED_EVERY]), set(fleet[1::CHANGED_EVERY])
    for stack_id in sorted(changed):
        change_outside(landform, stack_id)
    first = sweep_under_kills(landform, fleet, random, pause_seconds=1.0)
    assert drifted(first) == changed
    for stack_id in sorted(more):
        change_outside(landform, stack_id)
    second = sweep_under_kills(landform, fleet, random, pause_seconds=0.3)
    assert drifted(second) == changed | more
    by_provider = [item for item in second if item.checked_by == "provider"]
    assert len(by_provider) > STACKS / 2
    assert not more & {item.stack_id for item in by_provider}, "what is new is Terraform's to tell"
