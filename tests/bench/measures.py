"""What is measured. Each function returns figures in seconds; what is compared runs interleaved."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from app.demo_secrets import ensure_demo_secrets
from app.factory import create_app
from app.services import stacks
from app.services.context import RINGS, build_context
from app.services.setup import prepare
from app.services.stacks import NewStack
from app.settings import REPOSITORY_ROOT, Settings
from tests.bench.raw_terraform import time_raw_apply
from tests.landform import ADMIN, NOWHERE
from tests.running import RunningLandform
from tests.sandbox_cloud import free_port

ZONES = 3
ROUNDS = 5
POSTS = 200
LISTS = 40
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
        path = f"/operations/{asked['operation']['id']}/events"
        headers = {"Accept": "text/event-stream"}
        with landform.http.stream("GET", f"/api/v1{path}", headers=headers) as answer:
            for _ in answer.iter_lines():
                pass
        whole.append(time.perf_counter() - started)
        done = landform.operation(asked["operation"]["id"])
        assert done["status"] == "applied", done
        engine.append(_moment(done["ended_at"]) - _moment(done["started_at"]))
    other = statistics.median(raw)
    return OperationTimes(
        Compared(statistics.median(whole), other),
        Compared(statistics.median(engine), other),
        ROUNDS,
    )


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


def measure_lists(folder: Path) -> tuple[float, float]:
    """Return the median seconds of ``GET /stacks`` with 100 and with 1,000 stacks, in turn."""
    lists = [_make_list(folder / str(count), count) for count in (100, 1000)]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(LISTS):
        for ask, found in zip(lists, times, strict=True):
            started = time.perf_counter()
            ask()
            found.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def _make_list(home: Path, count: int) -> Callable[[], None]:
    """Make a Landform with so many stacks, and return how to ask it for the first page."""
    settings = Settings(
        env="test",
        home=home,
        redis_url=NOWHERE,
        admin_password=SecretStr("a password of the bench"),
        api_rate="100000/minute",
        log_level="ERROR",
    ).with_secrets(ensure_demo_secrets(home))
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    with ctx.db.write() as session:
        session.info[RINGS] = []  # what nobody hears need not be rung
        for number in range(count):
            new = NewStack("network", f"net-{number}", "default", "sandbox")
            stacks.create_stack(ctx, session, ADMIN, new)
    client = create_app(settings, ctx).test_client()
    login = {"username": "admin", "password": "a password of the bench"}
    token = client.post("/api/v1/auth/login", json=login).get_json()["access_token"]

    def ask() -> None:
        answer = client.get("/api/v1/stacks", headers={"Authorization": f"Bearer {token}"})
        assert len(answer.get_json()["items"]) == 50

    return ask


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
