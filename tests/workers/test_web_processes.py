"""Two web processes on one port, as they are started: each limit holds for both together."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pydantic import SecretStr

from app.config.settings import REPOSITORY_ROOT, Settings
from app.factory import create_app
from app.limits.stream_places import KEPT_SECONDS
from tests.api.rest import Rest
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.own_redis import OwnRedis
from tests.ports import free_port
from tests.running import wait_until
from workers.programs import landform

PROCESSES = 2
OF_USER, OF_LOGIN, STREAMS = 60, 6, 3
TOKEN = "a-token-of-prometheus"


class Webs:
    """gunicorn with two processes, a Redis of their own, and an administrator's token."""

    def __init__(self, home: Path, server: OwnRedis, process: subprocess.Popen[bytes], port: int):
        self.redis, self.process = server, process
        self.url = f"http://127.0.0.1:{port}"
        settings = Settings(
            env="test",
            home=home,
            secret_key=SecretStr(SECRET_KEY),
            encryption_keys=SecretStr(ENCRYPTION_KEYS),
            redis_url=server.url,
            log_level="ERROR",
        )
        self.rest = Rest(create_app(settings))

    @property
    def pids(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def ask(self, path: str, user: Rest | None = None) -> httpx.Response:
        """Ask on a new connection, which any of the processes may take."""
        headers = (user or self.rest).headers
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=20, trust_env=False)

    def statuses(self, count: int, user: Rest) -> Counter[int]:
        return Counter(self.ask("/api/v1/kinds", user).status_code for _ in range(count))

    def scrape(self) -> str:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.get(f"{self.url}/metrics", headers=headers, timeout=20, trust_env=False).text


@pytest.fixture(scope="module")
def webs(prepared_sqlite_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webs]:
    home, port = tmp_path_factory.mktemp("webs") / "home", free_port()
    shutil.copytree(prepared_sqlite_home, home)
    server = OwnRedis(tmp_path_factory.mktemp("redis"))
    variables = {
        **os.environ,
        "LANDFORM_SECRET_KEY": SECRET_KEY,
        "LANDFORM_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LANDFORM_REDIS_URL": server.url,
        "LANDFORM_METRICS_TOKEN": TOKEN,
        "LANDFORM_WEB_PROCESSES": str(PROCESSES),
        "LANDFORM_API_RATE": f"{OF_USER}/minute",
        "LANDFORM_LOGIN_RATE": f"{OF_LOGIN}/minute",
        "LANDFORM_STREAMS_PER_USER": str(STREAMS),
        "LANDFORM_COOKIE_SECURE": "false",
    }
    settings = Settings(env="test", home=home, port=port, web_processes=PROCESSES, web_threads=100)
    program = next(item for item in landform(settings, variables) if item.name == "web")
    environment = {**program.environment}
    with subprocess.Popen(program.command, cwd=REPOSITORY_ROOT, env=environment) as process:
        made = Webs(home, server, process, port)
        try:
            wait_until(lambda: _both_serve(made), "both processes", 120)
            yield made
        finally:
            process.terminate()
            process.wait(20)
            server.close()


def _both_serve(webs: Webs) -> bool:
    assert webs.process.poll() is None
    return _told_by(webs) == webs.pids and len(webs.pids) == PROCESSES


def _told_by(webs: Webs) -> set[int]:
    """Return which processes answer: each puts its number to its own figures."""

    def ask(_: int) -> list[str]:
        with suppress(httpx.TransportError):
            return re.findall(r'process_cpu_.*pid="(\d+)"', webs.scrape())
        return []

    with ThreadPoolExecutor(12) as pool:
        return {int(pid) for found in pool.map(ask, range(12)) for pid in found}


def test_a_user_has_one_limit_of_requests(webs: Webs) -> None:
    viewer = webs.rest.as_member("viewer")
    answered = webs.statuses(OF_USER + 10, viewer)
    assert answered == {200: OF_USER, 429: 10}


def test_an_address_has_one_limit_of_sign_ins(webs: Webs) -> None:
    def sign_in(number: int) -> int:
        body = {"username": f"nobody-{number}", "password": "wrong"}
        url = f"{webs.url}/api/v1/auth/login"
        return httpx.post(url, json=body, timeout=20, trust_env=False).status_code

    answered = Counter(sign_in(number) for number in range(OF_LOGIN + 4))
    assert answered == {401: OF_LOGIN, 429: 4}


def test_figures_of_a_process_carry_its_number_and_all_others_are_the_same(webs: Webs) -> None:
    own = re.compile(r"^(python|process)_[a-z_]+(\{[^}]*\})? ", re.M)
    text = webs.scrape()
    assert all('pid="' in (found[2] or "") for found in own.finditer(text))
    viewer, url = webs.rest.as_member("viewer"), f"{webs.url}/api/v1/projects/default"
    for _ in range(12):
        httpx.delete(url, headers={**viewer.headers, "If-Match": "*"}, trust_env=False)
    told = {re.findall(r"^landform_refusals_total.*$", webs.scrape(), re.M)[1] for _ in range(12)}
    assert told == {'landform_refusals_total{kind="right"} 12.0'}


def _follow(webs: Webs, stack: ExitStack, user: Rest, path: str) -> int:
    headers = {**user.headers, "Accept": "text/event-stream"}
    client = stack.enter_context(httpx.Client(trust_env=False, timeout=20))
    answer: Any = stack.enter_context(client.stream("GET", f"{webs.url}{path}", headers=headers))
    return int(answer.status_code)


@pytest.mark.thorough
def test_a_user_has_one_share_of_streams_and_a_killed_process_gives_them_back(webs: Webs) -> None:
    operation = webs.rest.create("networks", "a")["operation"]["id"]
    path = f"/api/v1/operations/{operation}/events"
    viewer = webs.rest.as_member("viewer")
    with ExitStack() as held:
        taken = [_follow(webs, held, viewer, path) for _ in range(STREAMS + 5)]
        assert Counter(taken) == {200: STREAMS, 429: 5}
        for pid in webs.pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: _both_serve(webs), "new processes", 120)
        assert _follow(webs, held, viewer, path) == 429
    time.sleep(KEPT_SECONDS + 1)
    with ExitStack() as held:
        assert _follow(webs, held, viewer, path) == 200


def test_each_counts_alone_while_redis_is_away_and_nobody_waits(webs: Webs) -> None:
    viewer = webs.rest.as_member("viewer")
    webs.redis.halt()
    try:
        began = time.monotonic()
        answered = webs.statuses(PROCESSES * OF_USER + 10, viewer)
        took = time.monotonic() - began
    finally:
        webs.redis.go_on()
    assert set(answered) == {200, 429}
    assert OF_USER <= answered[200] <= PROCESSES * OF_USER
    assert took < 60
    other = webs.rest.as_member("viewer")
    time.sleep(2)
    webs.statuses(6, webs.rest)
    time.sleep(1)
    assert webs.statuses(OF_USER + 10, other) == {200: OF_USER, 429: 10}
