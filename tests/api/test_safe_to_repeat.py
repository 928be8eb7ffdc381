"""Every POST is safe to send again: walked over the document, and with a process that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.models import Operation, Stack
from app.settings import REPOSITORY_ROOT
from tests.api.conftest import PASSWORD
from tests.api.rest import Rest, problem
from tests.api.walking import Described, find_real, operations
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.landform import NOWHERE
from tests.ports import free_port

NO_KEY = "/api/v1/auth/"
POSTS = [item for item in operations() if item.method == "POST" and NO_KEY not in item.path]
NEW = {"name": "web", "cloud_account": "sandbox"}
KEY = {"Idempotency-Key": "the-first-try"}
START_SECONDS = 30.0


def _steer(status: str, **columns: Any) -> Callable[[Rest], None]:
    """Return what gives the newest operation the status that a steering request wants."""

    def arrange(rest: Rest) -> None:
        (operation, *_) = rest.get("/operations").json["items"]
        rest.set_operation(operation["id"], status=status, **columns)

    return arrange


# What must be so before a request can be accepted; what is not named needs a network only.
ARRANGED = {
    "approveOperation": _steer("planned", approved_at=None),
    "discardOperation": _steer("planned", approved_at=None),
    "cancelOperation": _steer("pending", cancel_requested_at=None, ended_at=None),
    "resolveOperation": _steer("interrupted", resolution=None),
}
BODIES = {"resolveOperation": {"action": "accept"}, "startStackOperation": {"type": "plan"}}


@pytest.mark.parametrize("item", POSTS, ids=str)
def test_a_post_that_is_sent_again_gives_the_first_answer(rest: Rest, item: Described) -> None:
    assert "Idempotency-Key" in item.headers()
    rest.made("networks", "net-1")
    ARRANGED.get(item.id, lambda _: None)(rest)
    path = find_real(rest, item.path)
    if path is None:
        pytest.skip("the lists show nothing that it could be sent to")
    body = BODIES.get(item.id, item.example)
    if isinstance(body, dict) and "network" in body.get("parameters", {}):
        body = {**body, "parameters": {**body["parameters"], "network": "net-1"}}
    first = rest.call("POST", path, json=body, headers=KEY)
    assert first.status_code in (200, 201, 202, 204), first.text
    assert "Idempotent-Replayed" not in first.headers
    again = rest.call("POST", path, json=body, headers=KEY)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.data) == (first.status_code, first.data)
    for name in ("Location", "ETag", "Retry-After"):
        assert again.headers.get(name) == first.headers.get(name)
    other = rest.call("POST", path, data=b'{"other": 1}', headers=KEY)
    assert other.status_code == 415
    with_another_path = rest.call("POST", f"{path}?x=1", json=body, headers=KEY)
    problem(with_another_path, 422, "idempotency_mismatch")


@pytest.mark.parametrize("item", POSTS, ids=str)
def test_a_key_that_cannot_be_kept_is_refused(reader: Rest, item: Described) -> None:
    path = find_real(reader, item.path)
    if path is None:
        pytest.skip("the lists show nothing that it could be sent to")
    before = reader.count(Operation)
    body = BODIES.get(item.id, item.example)
    for key in ("", "x" * 256, "a\tb"):
        answer = reader.call("POST", path, json=body, headers={"Idempotency-Key": key})
        problem(answer, 422, "validation_failed")
    assert reader.count(Operation) == before


@contextmanager
def _serving(home: Path, *, dies: bool) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve a Landform in a process of its own, which may die between commit and answer."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "tests.api.mortal:app", "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--log-level", "error"]
    environment = {
        **os.environ,
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(home),
        "LANDFORM_SECRET_KEY": SECRET_KEY,
        "LANDFORM_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LANDFORM_REDIS_URL": NOWHERE,
        "LANDFORM_LOG_LEVEL": "ERROR",
        "DIES": "after-commit" if dies else "",
    }
    with subprocess.Popen(command, cwd=REPOSITORY_ROOT, env=environment) as process:
        try:
            _wait_until_up(f"http://127.0.0.1:{port}", process)
            yield process, f"http://127.0.0.1:{port}/api/v1"
        finally:
            process.terminate()


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if httpx.get(f"{address}/healthz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the web process did not start")


def _ask(address: str) -> httpx.Response:
    """Sign in and ask for a network under one key."""
    with httpx.Client(base_url=address, trust_env=False, timeout=20) as http:
        login = {"username": "admin", "password": PASSWORD}
        token = http.post("/auth/login", json=login).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", **KEY}
        return http.post("/networks", json=NEW, headers=headers)


def test_a_request_whose_answer_died_is_answered_when_it_is_sent_again(
    rest: Rest, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--database") == "postgresql":
        pytest.skip("the transaction is the same; the home with SQLite is served here")
    home = rest.ctx.settings.home_dir
    with _serving(home, dies=True) as (_, address), pytest.raises(httpx.TransportError):
        _ask(address)
    assert rest.count(Stack) == rest.count(Operation) == 1, "it was committed before the death"
    with _serving(home, dies=False) as (_, address):
        answer = _ask(address)
    assert answer.status_code == 202
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert rest.count(Stack) == rest.count(Operation) == 1
    (operation,) = rest.get("/operations").json["items"]
    assert answer.json()["operation"]["id"] == operation["id"]
    assert answer.headers["Location"] == operation["links"]["self"]
