"""With all processes running: what happens is told, a killed sender loses nothing, and the trail
of it all is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import REPOSITORY_ROOT
from tests.receiver import Receiver, receiving
from tests.running import RunningLandform, running_landform, wait_until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def landform(tmp_path: Path) -> Iterator[RunningLandform]:
    networks = {"LANDFORM_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1"}
    with running_landform(tmp_path / "home", **networks) as running:
        yield running


def hook(landform: RunningLandform, receiver: Receiver, **more: Any) -> dict[str, Any]:
    events = ["operation.ended", "operation.approval_wanted", "drift.found", "drift.gone"]
    body = {"name": "all", "url": receiver.url, "events": events, **more}
    made: dict[str, Any] = landform.call("POST", "/webhooks", json=body)
    return made


def told_of(receiver: Receiver) -> list[tuple[str, str]]:
    """Each event once, in the order of its first arrival, with the stack's name."""
    seen = {item.headers["webhook-id"]: item.json for item in receiver.requests}
    return [(item["type"], item["data"]["stack"]["name"]) for item in seen.values()]


def verify(landform: RunningLandform) -> subprocess.CompletedProcess[str]:
    variables = {"LANDFORM_ENV": "demo", "LANDFORM_HOME": str(landform.home)}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "audit", "verify"],
        cwd=REPOSITORY_ROOT,
        env={**os.environ, **variables},
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.thorough
def test_the_life_of_a_stack_is_told_also_by_a_sender_that_was_killed(
    landform: RunningLandform, receiver: Receiver
) -> None:
    secret = hook(landform, receiver)["secret"]
    stack = landform.made("web")
    (scheduler,) = landform.processes("workers.scheduler")
    receiver.statuses = [503]
    cloud_id = landform.cloud.list(type="network")[0]["id"]
    change = {"attributes": {"internet_access": False}}
    landform.cloud.call("PATCH", f"/resources/{cloud_id}", json=change)
    landform.end_of(landform.request(stack["id"], "drift_check")["id"])
    scheduler.kill()
    parked = landform.create("parked", auto_apply="never")
    expected = [
        ("operation.ended", "web"),
        ("drift.found", "web"),
        ("operation.approval_wanted", "parked"),
    ]
    wait_until(lambda: told_of(receiver) == expected, f"{expected} in {told_of(receiver)}")
    landform.end_of(landform.request(stack["id"], "apply")["id"])
    landform.end_of(landform.request(stack["id"], "drift_check")["id"])
    expected += [("operation.ended", "web"), ("drift.gone", "web")]
    wait_until(lambda: told_of(receiver) == expected, f"{expected} in {told_of(receiver)}")
    assert all(item.is_signed_by(secret) for item in receiver.requests)
    assert not any(b"sandbox_network" in item.body for item in receiver.requests)
    operation = landform.operation(parked["operation"]["id"])
    assert operation["status"] == "planned"
    landform.stop()
    checked = verify(landform)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Anchors vouch for all events up to" in checked.stdout
    anchors = (landform.home / "state" / "audit" / "anchors.jsonl").read_text().splitlines()
    logged = [item["signature"] for item in landform.log_lines() if item["event"] == "audit_anchor"]
    assert [json.loads(line)["signature"] for line in anchors] == logged
