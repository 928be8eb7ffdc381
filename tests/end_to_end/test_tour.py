"""The main job over HTTP, all processes running: ask, follow, keep, see drift, delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import RunningLandform, running_landform, wait_until

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def landform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLandform]:
    home = tmp_path_factory.mktemp("tour") / "home"
    with running_landform(home, LANDFORM_TICK_SECONDS="1") as running:
        yield running


def follow(landform: RunningLandform, operation_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Read the event stream of an operation to its end."""
    told: list[tuple[str, dict[str, Any]]] = []
    name = ""
    headers = {"Accept": "text/event-stream"}
    path = f"/api/v1/operations/{operation_id}/events"
    with landform.http.stream("GET", path, headers=headers) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                told.append((name, json.loads(line.removeprefix("data: "))))
    return told


def drift_of(landform: RunningLandform, stack_id: str) -> dict[str, Any]:
    drift: dict[str, Any] = landform.call("GET", f"/stacks/{stack_id}")["drift"]
    return drift


def test_a_network_is_asked_for_followed_kept_and_deleted(landform: RunningLandform) -> None:
    asked = landform.create("tour", parameters={"zones": 2})
    stack_id, operation_id = asked["stack"]["id"], asked["operation"]["id"]
    told = follow(landform, operation_id)
    assert told[-1][0] == "end"
    assert told[-1][1]["status"] == "applied"
    messages = [data["message"] for name, data in told if name == "event"]
    assert any("sandbox_network.this: Creation complete" in message for message in messages)
    assert landform.recorded_ids(stack_id) == landform.cloud_ids(stack_id)
    assert len(landform.cloud_ids(stack_id)) == 3
    (version,) = landform.call("GET", f"/stacks/{stack_id}/state-versions")["items"]
    folder = landform.home / "state" / "stacks" / stack_id / "versions"
    assert [path.name.split("-")[0] for path in folder.iterdir()] == [str(version["serial"])]
    answer = landform.http.get(f"/api/v1/networks/{stack_id}")
    headers = {"If-Match": answer.headers["ETag"]}
    gone = landform.call("DELETE", f"/networks/{stack_id}", headers=headers)
    assert landform.end_of(gone["operation"]["id"])["status"] == "applied"
    assert landform.cloud_ids(stack_id) == set()
    assert landform.call("GET", f"/stacks/{stack_id}")["status"] == "deleted"


def test_drift_is_seen_on_schedule_and_on_demand(landform: RunningLandform) -> None:
    stack = landform.made("watched", drift={"interval_seconds": 10})
    wait_until(lambda: drift_of(landform, stack["id"])["status"] == "in_sync", "the first check")
    (network,) = landform.cloud.list(type="network", tag=f"landform:stack={stack['id']}")
    change = {"attributes": {"internet_access": False}}
    landform.cloud.call("PATCH", f"/resources/{network['id']}", json=change)
    wait_until(lambda: drift_of(landform, stack["id"])["status"] == "drifted", "a check by itself")
    (report, *_) = landform.call("GET", f"/stacks/{stack['id']}/drift-reports")["items"]
    assert report["changes"][0]["attributes"][0]["path"] == "internet_access"
    landform.cloud.call(
        "PATCH", f"/resources/{network['id']}", json={"attributes": {"internet_access": True}}
    )
    landform.end_of(landform.request(stack["id"], "drift_check")["id"])
    assert drift_of(landform, stack["id"])["status"] == "in_sync"


def test_stacks_go_on_at_once_and_the_operations_of_one_in_order(
    landform: RunningLandform,
) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    try:
        asked = [landform.create(name) for name in ("left", "right")]
        later = landform.request(asked[0]["stack"]["id"], "plan")
        left, right = (landform.end_of(item["operation"]["id"]) for item in asked)
        plan = landform.end_of(later["id"])
    finally:
        landform.cloud.set_faults(create_delay_seconds=0)
    assert (left["status"], right["status"]) == ("applied", "applied")
    assert left["started_at"] < right["ended_at"]
    assert right["started_at"] < left["ended_at"]
    assert plan["status"] == "planned_and_finished"
    assert left["ended_at"] <= plan["started_at"]


def test_watchers_and_ticks_leave_no_line_in_the_log(landform: RunningLandform) -> None:
    landform.readiness()
    landform.made("logged")
    lines = landform.log_lines()
    events = {line["event"] for line in lines}
    assert {"operation_claimed", "operation_left", "request"} <= events
    assert not [line for line in lines if line.get("path") in ("/readyz", "/healthz")]
    chatter = [
        line
        for line in lines
        if str(line.get("logger", "")).startswith("rq") and line["level"] == "info"
    ]
    assert chatter == []
