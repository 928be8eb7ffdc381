"""Every POST is safe to send again: walked over the document, and with a process that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.api.resources.costs.routes import EXAMPLE
from app.config.settings import REPOSITORY_ROOT
from app.models import Instance, Operation, Stack, WebhookDelivery
from app.services.installation.instances import begin_instance
from tests.api.conftest import PASSWORD
from tests.api.rest import Rest, problem
from tests.api.walking import Described, find_real, operations
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.drifting import change, check
from tests.landform import NOWHERE
from tests.ports import free_port

NO_KEY = "/api/v1/auth/"
POSTS = [item for item in operations() if item.method == "POST" and NO_KEY not in item.path]
OTHERS = [
    item
    for item in operations()
    if "Idempotency-Key" in item.headers() and item.method in ("PATCH", "DELETE")
]
"""What is accepted work; the upload of a state has its own test, since its body is a state."""

NEW = {"name": "web", "cloud_account": "sandbox"}
KEY = {"Idempotency-Key": "the-first-try"}
START_SECONDS = 30.0


def _steer(status: str, **columns: Any) -> Callable[[Rest], None]:
    """Return what gives the newest operation the status that a steering request wants."""

    def arrange(rest: Rest) -> None:
        (operation, *_) = rest.get("/operations").json["items"]
        rest.set_operation(operation["id"], status=status, **columns)

    return arrange


def _drift(rest: Rest) -> None:
    """Have a check find something."""
    with rest.ctx.read() as session:
        stack = session.scalars(select(Stack)).first()
    assert stack is not None
    check(rest.ctx, stack, change(size=2))


def _send_to_webhook(rest: Rest) -> None:
    """Have two webhooks, and two messages of each that were tried."""
    body = {"url": "https://hooks.example.com/x", "events": ["drift.found"], "project": "default"}
    for name in ("one", "two"):
        hook = rest.post("/webhooks", {**body, "name": name}).json
        for _ in range(2):
            assert rest.post(f"{hook['links']['self']}/test").status_code == 201
    with rest.ctx.write() as session:
        for delivery in session.scalars(select(WebhookDelivery)):
            delivery.status = "dead"


def _policy_sets(rest: Rest) -> None:
    """Have two sets; the first is called as in the examples."""
    item = next(item for item in POSTS if item.id == "createPolicySet")
    for name in ("basics", "others"):
        assert rest.post("/policies", {**item.example, "name": name}).status_code == 201


def _second_account(rest: Rest) -> None:
    credentials = {"endpoint": "http://127.0.0.1:8090/v1", "token": "another one"}
    body = {"name": "second", "cloud": "sandbox", "credentials": credentials}
    assert rest.post("/cloud-accounts", body).status_code == 201


def _lose_hosts(rest: Rest) -> None:
    """Have two hosts give no sign of life, and no other one."""
    for _ in range(2):
        begin_instance(rest.ctx)
    with rest.ctx.write() as session:
        for instance in session.scalars(select(Instance)):
            instance.heartbeat_at -= timedelta(minutes=1)


def _two_hosts(rest: Rest) -> None:
    for _ in range(2):
        begin_instance(rest.ctx)


# What must be so before a request can be accepted; what is not named needs a network only.
ARRANGED = {
    "approveOperation": _steer("planned", approved_at=None),
    "discardOperation": _steer("planned", approved_at=None),
    "cancelOperation": _steer("pending", cancel_requested_at=None, ended_at=None),
    "resolveOperation": _steer("interrupted", resolution=None),
    "checkCloudAccount": _second_account,
    "declareInstanceGone": _lose_hosts,
    "drainInstance": _two_hosts,
    "undrainInstance": _two_hosts,
    "acknowledgeDriftFinding": _drift,
    "ignoreDriftFinding": _drift,
    "testPolicySet": _policy_sets,
    "dryRunPolicySet": _policy_sets,
    "createPolicyOverride": _policy_sets,
    "rotateWebhookSecret": _send_to_webhook,
    "testWebhook": _send_to_webhook,
    "redeliverWebhookDelivery": _send_to_webhook,
}
BODIES = {"resolveOperation": {"action": "accept"}, "startStackOperation": {"type": "plan"}}
# What another request of the same route says otherwise; what has a name has another name.
CHANGED: dict[str, dict[str, Any]] = {
    "startStackOperation": {"type": "drift_check"},
    "approveOperation": {"override_windows": True},
    "cancelOperation": {"force": True},
    "resolveOperation": {"action": "retry"},
    "checkDrift": {"filter": {"kind": "bucket"}},
    "acknowledgeDriftFinding": {"note": "seen"},
    "ignoreDriftFinding": {"reason": "another"},
    "createDriftRule": {"reason": "another"},
    "createPolicyOverride": {"reason": "another"},
    "checkPolicies": {"policies": []},
    "importPriceSheet": {"csv": EXAMPLE.replace("2.50", "3.00")},
    "dryRunPolicySet": {"days": 7},
}
# Their bodies have no fields, so another request of theirs has another path.
WITHOUT_FIELDS = {
    "checkCloudAccount",
    "declareInstanceGone",
    "drainInstance",
    "undrainInstance",
    "discardOperation",
    "testPolicySet",
    "rotateWebhookSecret",
    "testWebhook",
    "redeliverWebhookDelivery",
}


def _other_request(rest: Rest, item: Described, path: str, body: Any) -> tuple[str, Any]:
    """Return path and body of another request of the same route."""
    if item.id in WITHOUT_FIELDS:
        return _other_path(rest, path), body
    named = {"labels": {"team": "other"}} if item.method == "PATCH" else {"name": "another"}
    changed = CHANGED.get(item.id, named)
    assert body != {**body, **changed}
    return path, {**body, **changed}


def _other_path(rest: Rest, path: str) -> str:
    """Return the path of another thing of the same kind, which exists."""
    collection, known, act = path.rsplit("/", 2)
    items = rest.get(collection).json["items"]
    (other, *_) = (item["id"] for item in items if known not in (item["id"], item.get("name")))
    return f"{collection}/{other}/{act}"


@pytest.mark.parametrize("item", POSTS, ids=str)
def test_a_post_that_is_sent_again_gives_the_first_answer(rest: Rest, item: Described) -> None:
    assert "Idempotency-Key" in item.headers()
    rest.made("networks", "net-1")
    rest.made("networks", "net-2")
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
    assert again.status_code == first.status_code
    # A secret that is shown once is not kept, and the answer says what it leaves out.
    kept, told = again.get_json(silent=True), first.get_json(silent=True)
    omitted = kept.pop("omitted", []) if isinstance(kept, dict) else []
    assert set(omitted) <= {"secret", "token"}
    for name in omitted:
        assert told.pop(name)
    assert kept == told
    for name in ("Location", "ETag", "Retry-After"):
        assert again.headers.get(name) == first.headers.get(name)
    other = rest.call("POST", path, data=b'{"other": 1}', headers=KEY)
    assert other.status_code == 415
    other_path, other_body = _other_request(rest, item, path, body)
    answer = rest.call("POST", other_path, json=other_body, headers=KEY)
    problem(answer, 422, "idempotency_mismatch")


@pytest.mark.parametrize("item", OTHERS, ids=str)
def test_a_key_of_a_change_or_deletion_is_good_for_one_request(rest: Rest, item: Described) -> None:
    made = rest.made("networks", "net-1")
    plural = item.path.removeprefix("/api/v1").split("/")[1]
    path = f"/{plural}/{made['id'] if plural == 'networks' else _make(rest, plural)}"
    headers = {**KEY, "If-Match": "*"}
    body = {"labels": {"team": "one"}} if item.method == "PATCH" else None
    first = rest.call(item.method, path, json=body, headers=headers)
    assert first.status_code in (200, 202), first.text
    again = rest.call(item.method, path, json=body, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.json) == (first.status_code, first.json)
    other_path, other_body = f"/{plural}/none_0", None  # a DELETE has no body
    if body is not None:
        other_path, other_body = _other_request(rest, item, path, body)
    answer = rest.call(item.method, other_path, json=other_body, headers=headers)
    problem(answer, 422, "idempotency_mismatch")


def _make(rest: Rest, plural: str) -> str:
    """Return the id of a stack of that kind, which exists."""
    (create,) = (item for item in POSTS if item.path == f"/api/v1/{plural}")
    parameters = create.example.get("parameters", {})
    if "network" in parameters:
        parameters = {**parameters, "network": "net-1"}
    return str(rest.made(plural, "made", parameters=parameters)["id"])


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
