"""What a sweep for drift costs: Landform beside the naive loop, on the same stacks.

Some stacks are changed behind Terraform's back first, and both sweeps must find exactly these: a
provider check that is wrong is not measured.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from app.catalog.loader import load_catalog
from app.clock import utc_now
from app.config.settings import REPOSITORY_ROOT
from app.db import Database
from app.models import Operation, Schedule, Stack
from tests.bench.naive_loop import MemoryWatch, Sweep, Watched, sweep_naively
from tests.running import ENDED, RunningLandform, running_landform

CORES = 2
CHANGED_EVERY = 20
ASK_EVERY_SECONDS = 2.0
SWEEP_SECONDS = 3600.0
SETTINGS = {
    # A check waits for the cloud half of its time, so one more than there are cores; one worker is
    # always free for people, as with more workers than LANDFORM_DRIFT_LIMIT.
    "LANDFORM_WORKERS": str(CORES + 2),
    "LANDFORM_DRIFT_LIMIT": str(CORES + 1),
    "LANDFORM_TICK_SECONDS": "1",
    "LANDFORM_API_RATE": "10000000/minute",
    "LANDFORM_LOG_LEVEL": "WARNING",
}
SYSTEM = "system"


@dataclass(frozen=True)
class SweepSize:
    """How much is measured; a test of the bench itself takes less."""

    stacks: int = 200
    machines: int = 10
    asked: int = 10
    """Plans that people ask for while nothing else runs."""


@dataclass(frozen=True)
class Figures:
    """The sweeps, and how long people's plans waited in the queue without and with a sweep.

    ``first`` is of stacks that were never checked, ``ours`` the next one of the same stacks.
    """

    first: Sweep
    ours: Sweep
    naive: Sweep
    idle_waits: Sequence[float]
    sweep_waits: Sequence[float]


def drift_rows(folder: Path, size: SweepSize) -> dict[str, str]:
    """Return the rows about drift."""
    found = measure_sweeps(folder, size)
    name = f"{size.stacks} stacks of {size.machines} resources, {CORES} cores"
    ours, naive = found.ours, found.naive
    return {
        f"drift, naive loop, {name}": _sweep_in_words(naive),
        "drift, Landform, the same stacks, scheduled checks, never checked before": (
            _compared(found.first, naive)
        ),
        "drift, Landform, the same stacks, scheduled checks, from then on": _compared(ours, naive),
        "a person's plan in the queue, nothing else running / during such a sweep": (
            f"p50 {statistics.median(found.idle_waits) * 1000:.0f} ms / "
            f"{statistics.median(found.sweep_waits) * 1000:.0f} ms, "
            f"longest {max(found.idle_waits) * 1000:.0f} ms / "
            f"{max(found.sweep_waits) * 1000:.0f} ms"
        ),
    }


def measure_sweeps(folder: Path, size: SweepSize) -> Figures:
    """Make the stacks, change some behind Terraform's back, sweep in both ways."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_landform(folder / "home", **SETTINGS) as landform:
        database = Database(f"sqlite:///{landform.home / 'landform.db'}")
        network = landform.made("network", parameters={"zones": 2})
        stacks = _make_stacks(landform, size, network["name"])
        asked_often = landform.made("asked-often", "buckets", parameters={})
        watched = [_watched(landform, stack, network["outputs"]) for stack in stacks]
        changed = {stack["id"] for stack in stacks[::CHANGED_EVERY]}
        for stack_id in sorted(changed):
            _change_one(landform, stack_id)
        idle = [_ask(landform, asked_often["id"]) for _ in range(size.asked)]
        naive = sweep_naively(landform, folder / "naive", watched, CORES)
        names = [item.stack_id for item in watched]
        first, _ = _sweep(landform, database, names, None)
        # What people ask for would count as a cost of the checks, so it comes with another sweep.
        ours, _ = _sweep(landform, database, names, None)
        again, waits = _sweep(landform, database, names, asked_often["id"])
        database.close()
    assert naive.drifted == changed, "the naive loop sees what was changed"
    assert first.drifted == ours.drifted == again.drifted == changed, "and so does Landform"
    return Figures(first, ours, naive, idle, waits)


def _make_stacks(landform: RunningLandform, size: SweepSize, network: str) -> list[dict[str, Any]]:
    parameters = {"network": network, "count": size.machines}
    asked = [
        landform.create(
            f"group-{number}",
            "machine-groups",
            parameters=parameters,
            drift={"interval_seconds": 30 * 86400},
        )
        for number in range(size.stacks)
    ]
    for item in asked:
        done = landform.end_of(item["operation"]["id"], 60.0 * size.stacks)
        assert done["status"] == "applied", done
    return [item["stack"] for item in asked]


def _watched(
    landform: RunningLandform, stack: dict[str, Any], network_outputs: dict[str, Any]
) -> Watched:
    catalog = load_catalog(REPOSITORY_ROOT / "terraform")
    blueprint, cloud = catalog.kind("machine-group"), catalog.cloud("sandbox")
    variables = blueprint.variables(
        name=stack["name"],
        region=cloud.region(stack["region"]),
        parameters=stack["parameters"],
        reference_outputs={"network": network_outputs},
        tags={"landform:stack": stack["id"]},
        cloud=cloud,
    )
    versions = landform.call("GET", f"/stacks/{stack['id']}/state-versions")["items"]
    path = f"/api/v1/stacks/{stack['id']}/state-versions/{versions[0]['serial']}/download"
    return Watched(stack["id"], variables, landform.http.get(path).content)


def _change_one(landform: RunningLandform, stack_id: str) -> None:
    machine = landform.cloud.list(tag=f"landform:stack={stack_id}")[0]
    landform.cloud.call(
        "PATCH", f"/resources/{machine['id']}", json={"attributes": {"size": "large"}}
    )


def _ask(landform: RunningLandform, stack_id: str) -> float:
    """Ask for a plan as a person would; return the seconds that it waited for a worker."""
    asked = landform.request(stack_id, "plan")
    done = landform.end_of(asked["id"], 300)
    assert done["status"] == "planned_and_finished", done
    return (_moment(done["started_at"]) - _moment(done["created_at"])).total_seconds()


def _sweep(
    landform: RunningLandform,
    database: Database,
    stack_ids: list[str],
    asked_often: str | None,
) -> tuple[Sweep, list[float]]:
    """Have the clock find every stack due at once.

    Args:
        landform: with the stacks.
        database: its database.
        stack_ids: what is swept.
        asked_often: the stack that people want planned again and again meanwhile, if they do.

    Returns:
        What it cost, and how long people waited.
    """
    workers = landform.processes("workers.worker")
    keepers = landform.processes("workers.provider_pool")
    others = [*keepers, *landform.processes("workers.scheduler")]
    before, began = cpu_of([*workers, *others]), utc_now()
    with database.write() as session:
        for schedule in session.scalars(select(Schedule)):
            if schedule.stack_id in stack_ids:
                schedule.next_check_at = began - timedelta(seconds=1)
    started, waits = time.perf_counter(), []
    with MemoryWatch(*workers, *keepers) as memory:
        while _checked(database, began, stack_ids) < len(stack_ids):
            assert time.perf_counter() - started < SWEEP_SECONDS, "the sweep does not end"
            asked_at = time.perf_counter()
            if asked_often is not None:
                waits.append(_ask(landform, asked_often))
            time.sleep(max(0.0, ASK_EVERY_SECONDS - (time.perf_counter() - asked_at)))
    with database.read() as session:
        latest = _checks(began, stack_ids).with_only_columns(func.max(Operation.ended_at))
        ended = session.scalars(latest)
        seconds = (ended.one() - began).total_seconds()
        rows = session.scalars(select(Stack).where(Stack.id.in_(stack_ids))).all()
        verdicts = {row.id: row.drift_status for row in rows}
    assert set(verdicts.values()) <= {"in_sync", "drifted"}, verdicts
    drifted = frozenset(key for key, verdict in verdicts.items() if verdict == "drifted")
    cpu = cpu_of([*workers, *others]) - before
    return Sweep(len(stack_ids), drifted, seconds, cpu, memory.peak_mib), waits


def _checks(began: datetime, stack_ids: list[str]) -> Any:
    return select(Operation).where(
        Operation.stack_id.in_(stack_ids),
        Operation.type == "drift_check",
        Operation.requested_by == SYSTEM,
        Operation.created_at >= began,
    )


def _checked(database: Database, began: datetime, stack_ids: list[str]) -> int:
    with database.read() as session:
        query = _checks(began, stack_ids).where(Operation.status.in_(ENDED))
        return session.scalar(query.with_only_columns(func.count())) or 0


def cpu_of(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds of processes, of what they have started and still run."""
    total = 0.0
    for process in processes:
        total += sum(process.cpu_times()[:4])  # with that of ended processes
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # a tick may end at any moment
                total += sum(child.cpu_times()[:2])
    return total


def _sweep_in_words(sweep: Sweep) -> str:
    return (
        f"{sweep.per_minute:.0f} a minute, {sweep.cpu_per_check:.2f} CPU seconds and at most "
        f"{sweep.peak_mib:.0f} MiB a check"
    )


def _compared(ours: Sweep, naive: Sweep) -> str:
    return (
        f"{_sweep_in_words(ours)}; **{ours.per_minute / naive.per_minute:.1f} times** as many, "
        f"{naive.cpu_per_check / ours.cpu_per_check:.1f} times less CPU"
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
