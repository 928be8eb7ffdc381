"""The life of a stack on AWS: Landform beside raw Terraform, in turn, on one moto server.

Both take the same modules and the same provider from the same mirror. Raw Terraform gets a fresh
folder for each piece of work, as in a pipeline. Both must leave nothing behind.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from app.terraform.environment import list_mirrored_providers
from tests.bench.drift_sweep import cpu_of
from tests.bench.measures import follow
from tests.bench.naive_loop import MemoryWatch, cpu_of_children
from tests.bench.raw_terraform import RawModule
from tests.moto_cloud import PROVIDER, Moto
from tests.running import RunningLandform, running_landform

ROUNDS = 3
ACCOUNT, REGION = "aws-bench", "eu-west"
PLURALS = {"network": "networks", "bucket": "buckets"}
WORK = {
    "apply": "made",
    "drift_check": "checked for drift on demand",
    "clock_check": "scheduled drift check, as it was before",
    "destroy": "destroyed",
}
CLOCK_SECONDS = 60.0
STEPS = ("init", "plan", "apply")


@dataclass
class Cost:
    """What one piece of work took; memory is the most that it held at once."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)


def find_aws_mirror() -> Path | None:
    """Return the filesystem mirror that holds the AWS provider, or None."""
    mirror = Path(os.environ.get("LANDFORM_PROVIDER_MIRROR") or "/nonexistent")
    return mirror if PROVIDER in list_mirrored_providers(mirror) else None


def aws_rows(
    folder: Path, mirror: Path, kinds: Sequence[str] = tuple(PLURALS), rounds: int = ROUNDS
) -> dict[str, str]:
    """Return the rows about AWS.

    Args:
        folder: for all that is made.
        mirror: holds the AWS provider.
        kinds: what is made.
        rounds: how often, in turn with raw Terraform; the rows have the medians.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, str] = {}
    moto = Moto(folder)
    try:
        variables = {"LANDFORM_TICK_SECONDS": "1", "LANDFORM_CLOUD_ENDPOINTS": moto.endpoint}
        with running_landform(folder / "home", **variables) as landform:
            body = {"name": ACCOUNT, "cloud": "aws", "credentials": moto.credentials}
            body |= {"default_region": REGION, "projects": "all"}
            landform.call("POST", "/cloud-accounts", json=body)
            for kind in kinds:
                module = RawModule(kind, "aws", REGION, moto.credentials, provider_mirror=mirror)
                rows |= _rows_of_kind(landform, module, folder / "raw", rounds)
            assert _left_behind(moto) == []
    finally:
        moto.close()
    return rows


def _rows_of_kind(
    landform: RunningLandform, module: RawModule, folder: Path, rounds: int
) -> dict[str, str]:
    raw: dict[str, list[Cost]] = defaultdict(list)
    ours: dict[str, list[Cost]] = defaultdict(list)
    resources = 0
    for number in range(rounds):
        alone = RawLife(module, folder, f"raw-{number}")
        stack = OurLife(landform, module.kind, f"ours-{number}")
        for work in WORK:
            raw[work].append(alone.carry_out(work))
            ours[work].append(stack.carry_out(work))
            resources = resources or stack.count_resources()
    size = f"AWS, {module.kind} of {resources} resources"
    rows = {
        f"{size}, `{step}`": _times(raw["apply"], ours["apply"], lambda cost, s=step: cost.steps[s])
        for step in STEPS
    }
    for work, words in WORK.items():
        rows[f"{size}, {words}"] = _whole(raw[work], ours[work])
    return rows


class RawLife:
    """A stack in the hands of Terraform alone; its state is all that goes from work to work."""

    def __init__(self, module: RawModule, folder: Path, name: str) -> None:
        self._module, self._folder, self._name = module, folder, name
        self._state: bytes | None = None

    def carry_out(self, work: str) -> Cost:
        bench = psutil.Process()
        with _measured(cpu_of_children, MemoryWatch(bench, beside=bench.children())) as cost:
            run = self._module.prepare(self._folder, self._name, {}, self._state)
            cost.steps["init"] = run.run("init", "-lockfile=readonly")
            if work.endswith("check"):
                run.run("plan", "-refresh-only")
                return cost
            mode = ["-destroy"] * (work == "destroy")
            cost.steps["plan"] = run.run("plan", "-out=tfplan", *mode)
            cost.steps["apply"] = run.run("apply", "tfplan")
        self._state = run.state
        return cost


class OurLife:
    """A stack in the hands of Landform."""

    def __init__(self, landform: RunningLandform, kind: str, name: str) -> None:
        self._landform, self._plural, self._name = landform, PLURALS[kind], name
        self._stack_id = ""

    def carry_out(self, work: str) -> Cost:
        landform = self._landform
        workers = landform.processes("workers.worker")
        keepers = landform.processes("workers.provider_pool")
        memory = MemoryWatch(*workers, *keepers)
        with _measured(lambda: cpu_of([*workers, *keepers]), memory) as cost:
            done = follow(landform, self._ask(work))
        assert done["status"] in ("applied", "planned_and_finished"), done
        if work.endswith("check"):
            stack = landform.call("GET", f"/stacks/{self._stack_id}")
            assert stack["drift"]["status"] in ("in_sync", "drifted"), stack["drift"]
        cost.seconds = _between(done["created_at"], done["ended_at"])
        for step in done["steps"]:
            if step["ended_at"]:
                cost.steps[step["name"]] = _between(step["started_at"], step["ended_at"])
        return cost

    def count_resources(self) -> int:
        recorded = self._landform.state_of(self._stack_id)["resources"]
        return sum(len(item["instances"]) for item in recorded if item["mode"] == "managed")

    def _ask(self, work: str) -> str:
        """Ask for the work and return the id of its operation."""
        landform = self._landform
        if work == "apply":
            asked = landform.create(self._name, self._plural, cloud_account=ACCOUNT, parameters={})
            self._stack_id = asked["stack"]["id"]
        elif work == "destroy":
            path = f"/{self._plural}/{self._stack_id}"
            asked = landform.call("DELETE", path, headers={"If-Match": "*"})
        elif work == "clock_check":
            return self._check_by_clock()
        else:
            asked = {"operation": landform.request(self._stack_id, work)}
        return str(asked["operation"]["id"])

    def _check_by_clock(self) -> str:
        """Have the clock find the stack due; return the id of its check."""
        earlier = {item["id"] for item in self._checks()}
        self._landform.call("POST", "/drift/checks", json={"filter": {"stack": self._stack_id}})
        deadline = time.monotonic() + CLOCK_SECONDS
        while not (new := [item["id"] for item in self._checks() if item["id"] not in earlier]):
            assert time.monotonic() < deadline, "the clock does not check"
            time.sleep(0.1)
        return str(new[0])

    def _checks(self) -> list[dict[str, Any]]:
        query = f"stack={self._stack_id}&type=drift_check"
        found: list[dict[str, Any]] = self._landform.call("GET", f"/operations?{query}")["items"]
        return found


@contextmanager
def _measured(cpu: Callable[[], float], memory: MemoryWatch) -> Iterator[Cost]:
    cost, before, started = Cost(), cpu(), time.perf_counter()
    with memory:
        yield cost
    cost.seconds = time.perf_counter() - started
    cost.cpu_seconds = cpu() - before
    cost.peak_mib = memory.peak_mib


def _left_behind(moto: Moto) -> list[str]:
    """Return what a life should have taken away with it."""
    vpcs = moto.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])
    buckets = moto.client("s3").list_buckets()["Buckets"]
    return [item["VpcId"] for item in vpcs["Vpcs"]] + [item["Name"] for item in buckets]


def _whole(raw: Sequence[Cost], ours: Sequence[Cost]) -> str:
    """Say what whole pieces of work cost."""
    cpu = _medians(raw, ours, lambda cost: cost.cpu_seconds)
    memory = _medians(raw, ours, lambda cost: cost.peak_mib)
    return (
        f"{_times(raw, ours, lambda cost: cost.seconds)}; CPU {cpu[0]:.1f} s and {cpu[1]:.1f} s, "
        f"{cpu[1] / cpu[0]:.2f} times; memory {memory[0]:.0f} MiB and {memory[1]:.0f} MiB, "
        f"{memory[1] / memory[0]:.2f} times"
    )


def _times(raw: Sequence[Cost], ours: Sequence[Cost], value: Callable[[Cost], float]) -> str:
    alone, here = _medians(raw, ours, value)
    return f"raw {alone:.1f} s, Landform {here:.1f} s, **{here / alone:.2f} times**"


def _medians(
    raw: Sequence[Cost], ours: Sequence[Cost], value: Callable[[Cost], float]
) -> tuple[float, float]:
    return statistics.median(map(value, raw)), statistics.median(map(value, ours))


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
