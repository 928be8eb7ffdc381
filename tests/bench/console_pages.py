"""The rows about the console: what its main pages weigh, and how long the server works on each.

Weight is that of a first visit without pictures: the page and every style sheet, script and icon
sheet that it names, with their headers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import Settings
from app.factory import create_app
from app.services.context import build_context
from app.services.installation.setup import prepare
from tests.bench.aged_fleet import Aged, make_aged_fleet
from tests.bench.measures import percentile
from tests.landform import NOWHERE

PASSWORD = "a password of the bench"
MAX_BYTES = 200_000
MAX_SECONDS = 0.2
PARTS = re.compile(r'(?:src|href)="(/static/[^"#?]+)')


@dataclass(frozen=True)
class PageFigures:
    """Seconds and CPU seconds of each visit, and the bytes of the page and of a first load."""

    seconds: list[float]
    cpu_seconds: list[float]
    page_bytes: int
    first_load_bytes: int

    @property
    def is_in_budget(self) -> bool:
        """Tell whether the page keeps both budgets; time is CPU, which load does not stretch."""
        is_light = self.first_load_bytes <= MAX_BYTES
        return is_light and percentile(self.cpu_seconds, 50) <= MAX_SECONDS


def console_rows(folder: Path, stacks: int, rounds: int) -> dict[str, str]:
    """Return a row for each main page of a console with so many stacks, on SQLite."""
    figures = measure_pages(folder, stacks, rounds)
    return {
        f"console with {stacks:,} stacks, {name}": (
            f"CPU p50 {percentile(found.cpu_seconds, 50) * 1000:.0f} ms, "
            f"p50 {percentile(found.seconds, 50) * 1000:.0f} ms, "
            f"p99 {percentile(found.seconds, 99) * 1000:.0f} ms; "
            f"first load {found.first_load_bytes / 1000:.0f} kB, "
            f"of it the page {found.page_bytes / 1000:.0f} kB"
            f"{'' if found.is_in_budget else ' (**over budget**)'}"
        )
        for name, found in figures.items()
    }


def measure_pages(folder: Path, stacks: int, rounds: int) -> dict[str, PageFigures]:
    """Visit each page ``rounds`` times, in turn, as an administrator."""
    client, aged = make_console(folder, stacks)
    paths = main_pages(aged)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
    first = {name: _visit(client, path) for name, path in paths.items()}
    for _ in range(rounds):
        for name, path in paths.items():
            started, cpu = time.perf_counter(), time.process_time()
            _visit(client, path)
            times[name].append((time.perf_counter() - started, time.process_time() - cpu))
    return {
        name: PageFigures(
            seconds=[seconds for seconds, _ in times[name]],
            cpu_seconds=[cpu for _, cpu in times[name]],
            page_bytes=_weight(page),
            first_load_bytes=_weight(page) + sum(map(_weight, _parts(client, page))),
        )
        for name, page in first.items()
    }


def main_pages(aged: Aged) -> dict[str, str]:
    """Return the addresses of the main pages, and of those that hold much."""
    return {
        "overview": "/",
        "stacks": "/stacks",
        "a search for stacks": "/stacks?q=net-77",
        "a stack that 20 others use": f"/stacks/{aged.stack_id}",
        "operations": "/operations",
        "an operation": f"/operations/{aged.operation_id}",
        "a plan of 500 changes and a log of 2,000 lines": f"/operations/{aged.large_plan_id}",
        "a graph and a table of 200 resources": f"/stacks/{aged.large_stack_id}/resources",
        "drift by stack": "/drift",
        "drift by cause": "/drift?group=cause",
        "catalogue": "/catalogue",
        "audit": "/audit",
    }


def make_console(home: Path, stacks: int) -> tuple[FlaskClient, Aged]:
    """Make a Landform with an aged fleet; return a browser in which somebody is signed in."""
    settings = Settings(
        env="test",
        home=home,
        redis_url=NOWHERE,
        admin_password=SecretStr(PASSWORD),
        cookie_secure=False,
        log_level="ERROR",
        ballast_bytes=0,
    ).with_secrets(ensure_demo_secrets(home))
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    aged = make_aged_fleet(ctx, stacks)
    client = create_app(settings, ctx).test_client()
    token = re.search(r'name="form_token" value="([^"]+)"', client.get("/sign-in").text)
    assert token is not None
    form = {"form_token": token[1], "username": "admin", "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 303
    return client, aged


def _visit(client: FlaskClient, path: str) -> TestResponse:
    answer = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer


def _parts(client: FlaskClient, page: TestResponse) -> Sequence[TestResponse]:
    return [_visit(client, path) for path in sorted(set(PARTS.findall(page.text)))]


def _weight(answer: TestResponse) -> int:
    """Return the bytes of an answer as HTTP/1.1 sends it."""
    lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {text}" for name, text in answer.headers)]
    return sum(len(line) + 2 for line in lines) + 2 + len(answer.get_data())
