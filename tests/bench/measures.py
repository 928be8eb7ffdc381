"""What is measured. Each function returns figures in seconds; what is compared runs interleaved."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import REPOSITORY_ROOT, Settings
from app.factory import create_app
from app.services.context import build_context
from app.services.installation.setup import prepare
from tests.bench.fleet import fill
from tests.bench.raw_terraform import time_raw_apply
from tests.landform import NOWHERE
from tests.ports import free_port
from tests.running import RunningLandform
from workers.web_worker import spare_collector

ZONES = 3
ROUNDS = 5
POSTS = 200
START_SECONDS = 300.0


@dataclass(frozen=True)
class Compared:
    """Median seconds of the same work done in two ways."""

    ours: float
    other: float

    @property
    def ratio(self) -> float:
        return self.ours / self.other


@dataclass(frozen=True)
class OperationTimes:
    """An apply through Landform beside raw Terraform; ``engine`` is from claim to end alone."""

    whole: Compared
    engine: Compared
    rounds: int


def measure_operations(landform: RunningLandform, work: Path) -> OperationTimes:
    """Create a network of 4 resources, in turn through Landform and with Terraform alone."""
    raw, whole, engine = [], [], []
    for number in range(ROUNDS):
        raw.append(time_raw_apply(landform, work, f"raw-{number}", ZONES))
        started = time.perf_counter()
        asked = landform.create(f"ours-{number}", region="eu-west", parameters={"zones": ZONES})
        done = follow(landform, asked["operation"]["id"])
        whole.append(time.perf_counter() - started)
        assert done["status"] == "applied", done
        engine.append(_moment(done["ended_at"]) - _moment(done["started_at"]))
    other = statistics.median(raw)
    return OperationTimes(
        Compared(statistics.median(whole), other),
        Compared(statistics.median(engine), other),
        ROUNDS,
    )


def follow(landform: RunningLandform, operation_id: str) -> dict[str, Any]:
    """Read the event stream of an operation to its end, and return the operation."""
    path = f"/api/v1/operations/{operation_id}/events"
    with landform.http.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        for _ in answer.iter_lines():
            pass
    return landform.operation(operation_id)


def measure_posts(landform: RunningLandform) -> tuple[float, float]:
    """Ask for plans while nothing else runs (the workers sleep); return p50 and p99 to the 202."""
    stack = landform.made("asked-often")
    workers = landform.processes("workers.worker")
    for worker in workers:
        worker.suspend()
    times = []
    try:
        for _ in range(POSTS):
            started = time.perf_counter()
            landform.request(stack["id"], "plan")
            times.append(time.perf_counter() - started)
    finally:
        for worker in workers:
            worker.resume()
    return percentile(times, 50), percentile(times, 99)


@dataclass(frozen=True)
class ReadTimes:
    """Seconds of each request for a page of 50 and for one stack, by the number of stacks."""

    lists: dict[int, list[float]]
    details: dict[int, list[float]]


def measure_reads(
    folder: Path, sizes: Sequence[int], rounds: int, url_of: Callable[[int], str] = lambda _: ""
) -> ReadTimes:
    """Read lists and stacks of fleets of several sizes, in turn, without a network between.

    Args:
        folder: for the homes of the fleets.
        sizes: how many stacks each fleet has.
        rounds: how often each is asked.
        url_of: the database URL of a fleet; empty for SQLite in its home.
    """
    fleets = {size: _make_reader(folder / str(size), size, url_of(size)) for size in sizes}
    times = ReadTimes({size: [] for size in sizes}, {size: [] for size in sizes})
    spare_collector()  # as the web process does
    for _ in range(rounds):
        for size, (ask_list, ask_detail) in fleets.items():
            for ask, found in ((ask_list, times.lists), (ask_detail, times.details)):
                started = time.perf_counter()
                ask()
                found[size].append(time.perf_counter() - started)
    return times


def _make_reader(
    home: Path, count: int, database_url: str
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Make a Landform with so many stacks; return how to ask for a page and for one stack."""
    settings = Settings(
        env="test",
        home=home,
        redis_url=NOWHERE,
        database_url=database_url,
        admin_password=SecretStr("a password of the bench"),
        api_rate="100000/minute",
        log_level="ERROR",
        ballast_bytes=0,
    ).with_secrets(ensure_demo_secrets(home))
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    stack_id = fill(ctx, count)
    client = create_app(settings, ctx).test_client()
    login = {"username": "admin", "password": "a password of the bench"}
    token = client.post("/api/v1/auth/login", json=login).get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    def ask_list() -> None:
        items = client.get("/api/v1/stacks", headers=headers).get_json()["items"]
        assert len(items) == min(50, count)

    def ask_detail() -> None:
        answer = client.get(f"/api/v1/networks/{stack_id}", headers=headers)
        assert answer.get_json()["id"] == stack_id

    return ask_list, ask_detail


def measure_fresh_start(folder: Path) -> tuple[float, float]:
    """Clone, ``make run`` without any cache, again with the .venv; return seconds until ready."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", str(REPOSITORY_ROOT), str(clone)], check=True)
    return _time_start(clone, folder / "home"), _time_start(clone, folder / "home")


def percentile(times: list[float], percent: int) -> float:
    """Return the smallest time that ``percent`` of them do not exceed."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _time_start(clone: Path, home: Path) -> float:
    kept = {name: os.environ[name] for name in os.environ if not name.startswith("LANDFORM_")}
    environment = {
        **kept,
        "PIP_NO_CACHE_DIR": "1",
        "LANDFORM_HOME": str(home),
        "LANDFORM_PORT": str(free_port()),
        "LANDFORM_SANDBOX_PORT": str(free_port()),
    }
    started = time.perf_counter()
    with subprocess.Popen(
        [shutil.which("make") or "make", "run"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Landform is ready"):
                break
        seconds = time.perf_counter() - started
        os.killpg(process.pid, 2)
        process.stdout.read()
    assert lines, "make run said nothing"
    assert lines[-1].startswith("Landform is ready"), "".join(lines[-20:])
    return seconds


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
