"""What is measured of a whole Landform over HTTP, on either database."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
import psutil

from app.clock import utc_now
from app.db import Database
from app.models import OperationEvent
from tests.bench.watchers import Watchers
from tests.running import RunningLandform

STREAM_ROUNDS = 20
STREAMS_END_SECONDS = 20.0
"""The server notices at the next heartbeat of a stream that nobody listens any more."""


@dataclass(frozen=True)
class Rate:
    """How many requests were answered in a second, and their seconds each."""

    per_second: float
    times: list[float]


def measure_start(landform: RunningLandform, rounds: int) -> list[float]:
    """Return the seconds from sending a POST to the start of Terraform, nothing else running."""
    stack = landform.made("started-often")
    found = []
    for _ in range(rounds):
        asked = utc_now()
        done = landform.end_of(landform.request(stack["id"], "plan")["id"])
        begins = [step["started_at"] for step in done["steps"] if step["name"] == "init"]
        found.append((datetime.fromisoformat(begins[0]) - asked).total_seconds())
    return found


def measure_durable_posts(landform: RunningLandform, clients: int, seconds: float) -> Rate:
    """Ask for new stacks from several clients at once, with the workers asleep."""
    times: list[float] = []
    lock, deadline = threading.Lock(), time.perf_counter() + seconds

    def ask(client: int) -> None:
        headers = {"Authorization": landform.http.headers["Authorization"]}
        own = []
        with httpx.Client(base_url=landform.http.base_url, headers=headers, timeout=60) as http:
            while time.perf_counter() < deadline:
                body = {"name": f"bench-{client}-{len(own)}", "cloud_account": "sandbox"}
                key = {"Idempotency-Key": body["name"]}
                started = time.perf_counter()
                answer = http.post("/api/v1/networks", json=body, headers=key)
                own.append(time.perf_counter() - started)
                assert answer.status_code == 202, answer.text
        with lock:
            times.extend(own)

    started = time.perf_counter()
    with _asleep(landform), ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, range(clients)))
    return Rate(len(times) / (time.perf_counter() - started), times)


def measure_streams(landform: RunningLandform, database: Database, count: int) -> list[float]:
    """Return the seconds from an event's commit to each of ``count`` watchers, many times."""
    with _asleep(landform):
        stack = landform.create("watched")
        operation = stack["operation"]["id"]

        def tell(mark: str) -> None:
            with database.write() as session:
                session.add(
                    OperationEvent(
                        operation_id=operation,
                        at=utc_now(),
                        type="note",
                        level="info",
                        message=mark,
                    )
                )

        path = f"/api/v1/operations/{operation}/events"
        header = f"Authorization: {landform.http.headers['Authorization']}"
        with Watchers(landform.port, path, header, count) as watchers:
            return [
                delay
                for number in range(STREAM_ROUNDS)
                for delay in watchers.delays(tell, f"mark-{number}.")
            ]


def measure_open_pages(
    landform: RunningLandform, count: int, seconds: float
) -> tuple[float, float]:
    """Return what the web process uses of a core with no page open, and with ``count`` pages.

    They are the pages of one operation that waits, as after a message to a whole team.
    """
    (master,) = [
        process for process in landform.processes("gunicorn") if _role(process.cmdline()) == "web"
    ]
    (web,) = master.children()

    def load() -> float:
        web.cpu_percent()
        time.sleep(seconds)
        return float(web.cpu_percent())

    time.sleep(STREAMS_END_SECONDS)
    with _asleep(landform):
        operation = landform.create("looked-at")["operation"]["id"]
        before = load()
        path = f"/operations/{operation}/stream"
        with Watchers(landform.port, path, f"Cookie: {_session_cookie(landform)}", count):
            return before, load()


def _session_cookie(landform: RunningLandform) -> str:
    password = (landform.home / "admin-password").read_text().strip()
    with httpx.Client(base_url=landform.http.base_url) as browser:
        page = browser.get("/sign-in").text
        (token,) = re.findall(r'name="form_token" value="([^"]+)"', page)
        form = {"form_token": token, "username": "admin", "password": password}
        browser.post("/sign-in", data=form)
        return f"landform_session={browser.cookies['landform_session']}"


def measure_memory(landform: RunningLandform) -> dict[str, float]:
    """Return the MiB of each kind of process; what forks share is divided among them (PSS)."""
    supervisor = psutil.Process(landform.process.pid)
    found: dict[str, float] = {}
    for process in (supervisor, *supervisor.children(recursive=True)):
        try:
            words, used = process.cmdline(), process.memory_full_info().pss
        except psutil.Error:
            continue  # it has just ended
        name = _role(words)
        found[name] = found.get(name, 0.0) + used / 2**20
    return found


def _role(words: list[str]) -> str:
    line = " ".join(words)
    if "sandbox" in line:
        return "sandbox cloud"
    if "redis-server" in line or "valkey-server" in line:
        return "Redis"
    if "terraform" in line or "tofu" in line:
        return "Terraform"
    names = {"gunicorn": "web", "workers.worker": "workers", "workers.scheduler": "scheduler"}
    return next((role for word, role in names.items() if word in line), "supervisor")


@contextmanager
def _asleep(landform: RunningLandform) -> Iterator[None]:
    """Let the workers sleep, so that what is asked for is only kept."""
    workers = landform.processes("workers.worker")
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()
