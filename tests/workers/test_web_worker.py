"""The web process as it is started, with more slow clients than it has threads."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config.settings import REPOSITORY_ROOT, Settings
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.landform import NOWHERE
from tests.ports import free_port
from tests.running import wait_until
from tests.workers.slow_crowd import TRICKLES, SlowCrowd, Way
from workers.programs import landform
from workers.web_worker import spare_collector

PASSWORD = "correct horse battery staple"
THREADS = 8
CROWD = 60
PACE = {
    "LANDFORM_WEB_HEAD_SECONDS": "2",
    "LANDFORM_WEB_BODY_SECONDS": "2",
    "LANDFORM_WEB_ANSWER_SECONDS": "2",
}


KEPT = (Way.IDLE, Way.READER)
"""Of these the web process may have all that they asked for: it keeps them until it needs room."""


class Web:
    """A web process and its port."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.process = port, process
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str = "/healthz", **options: Any) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=20, trust_env=False, **options)

    def raw(self, request: bytes) -> bytes:
        """Send bytes and return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(request)
            found = bytearray()
            while data := client.recv(65536):
                found += data
        return bytes(found)


@pytest.fixture(scope="module")
def web(prepared_sqlite_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The program that ``make run`` starts, with few threads and little patience."""
    home, port = tmp_path_factory.mktemp("web") / "home", free_port()
    shutil.copytree(prepared_sqlite_home, home)
    variables = {
        **os.environ,
        "LANDFORM_SECRET_KEY": SECRET_KEY,
        "LANDFORM_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LANDFORM_REDIS_URL": NOWHERE,
        "LANDFORM_WEB_THREADS": str(THREADS),
        "LANDFORM_WEB_CONNECTIONS": "100",
        "LANDFORM_API_RATE": "100000/minute",
        "LANDFORM_COOKIE_SECURE": "false",
        **PACE,
    }
    settings = _settings(home, port)
    program = next(item for item in landform(settings, variables) if item.name == "web")
    with subprocess.Popen(
        program.command, cwd=REPOSITORY_ROOT, env={**program.environment}
    ) as process:
        served = Web(port, process)
        try:
            wait_until(lambda: _is_up(served), "the web process")
            yield served
        finally:
            process.terminate()
            process.wait(20)


def _settings(home: Path, port: int) -> Settings:
    return Settings(env="test", home=home, port=port, web_threads=THREADS)


def _is_up(served: Web) -> bool:
    assert served.process.poll() is None
    try:
        return served.ask().status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("way", Way)
def test_a_crowd_of_slow_clients_stops_nobody(web: Web, way: Way) -> None:
    with SlowCrowd(web.port, way, CROWD, pause_seconds=0.2) as crowd:
        for _ in range(5):
            assert web.ask().status_code == 200
            assert web.ask("/sign-in").status_code == 200
        crowd.stay_away()
        if way not in KEPT:
            wait_until(lambda: crowd.dropped() == CROWD, f"the end of who {way}")
    assert web.ask().status_code == 200


def test_a_connection_that_a_balancer_keeps_idle_is_not_closed_under_its_next_request(
    web: Web,
) -> None:
    with closing(HTTPConnection("127.0.0.1", web.port, timeout=20)) as connection:
        for idle_seconds in (0.0, 4.0):
            time.sleep(idle_seconds)
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"status":"ok"}\n')


@pytest.mark.parametrize("way", [Way.SILENT, Way.IDLE])
def test_more_connections_than_there_is_room_for_stop_nobody(web: Web, way: Way) -> None:
    with SlowCrowd(web.port, way, 150, pause_seconds=0.2) as crowd:
        crowd.stay_away()
        assert web.ask().status_code == 200
        assert crowd.dropped() >= 40


@pytest.mark.parametrize("way", TRICKLES)
def test_who_was_too_slow_is_told_so(web: Web, way: Way) -> None:
    first = {
        Way.HEAD: b"GET /healthz HTTP/1.1\r\n",
        Way.BODY: b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        Way.CHUNKS: b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
        Way.CONTINUE: (
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        ),
    }[way]
    answer = web.raw(first)
    if way is Way.CONTINUE:
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert b"HTTP/1.1 408 Request Timeout\r\n" in answer
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["code"] == "request_timeout"


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
TWO_LENGTHS = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET /" + b"x" * 8200 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"x" * 70_000, 431, "headers_too_large"),
        (b"what is this\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400, "malformed_request"),
        (CHUNKED + b"0\r\n\r\n", 400, "malformed_request"),
        (TWO_LENGTHS + b"ab", 400, "malformed_request"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_http_or_too_long_is_told_so_as_a_problem(
    web: Web, request_bytes: bytes, status: int, code: str
) -> None:
    head, _, body = web.raw(request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in head
    told = json.loads(body)
    assert (told["status"], told["code"]) == (status, code)


def test_a_line_as_long_as_the_documents_say_is_read(web: Web) -> None:
    line = b"GET /healthz?" + b"x" * 8000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert b" 414 " not in web.raw(line).partition(b"\r\n")[0]


def test_requests_are_answered_one_after_another_on_a_kept_connection(web: Web) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert web.raw(one * 3 + last).count(b"HTTP/1.1 200 OK") == 4
    with httpx.Client(base_url=web.url, trust_env=False) as client:
        for _ in range(20):
            assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
def test_a_body_of_any_size_arrives_whole(web: Web, size: int) -> None:
    body = {"username": "admin", "password": "x" * size}
    answer = httpx.post(f"{web.url}/api/v1/auth/login", json=body, timeout=20, trust_env=False)
    assert answer.status_code == (401 if 0 < size <= 1024 else 422)
    chunked = httpx.post(
        f"{web.url}/api/v1/auth/login",
        content=iter([json.dumps(body).encode()]),
        headers={"Content-Type": "application/json"},
        timeout=20,
        trust_env=False,
    )
    assert chunked.status_code == answer.status_code


def test_what_is_too_long_is_refused_and_read_no_further(web: Web) -> None:
    assert b" 4" in web.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)[:20]
    head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert b" 413 " in web.raw(head + b"Content-Length: 99999999\r\n\r\n" + b"x" * 1_200_000)[:40]


def test_a_long_answer_arrives_whole(web: Web) -> None:
    answers = [web.ask("/api/v1/openapi.json") for _ in range(3)]
    assert len({len(answer.content) for answer in answers}) == 1
    assert answers[0].json()["openapi"].startswith("3.1")


def test_what_is_loaded_is_never_searched_for_garbage_again() -> None:
    threshold, frozen = gc.get_threshold(), gc.get_freeze_count()
    loaded = [[number] for number in range(1000)]
    try:
        spare_collector()
        assert gc.get_freeze_count() >= frozen + len(loaded)
    finally:
        gc.set_threshold(*threshold)
