"""A small company's infrastructure, for pictures: made by a real Landform in the sandbox cloud.

Most of it in order; one stack has drifted, one failed, one plan awaits approval, one runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.running import RunningLandform, wait_until

DELAY_SECONDS = 25
PROJECT = "shop"


@dataclass(frozen=True)
class Scene:
    """Ids of what the pictures show."""

    stack_id: str
    waiting_id: str
    running_id: str


def set_scene(landform: RunningLandform) -> Scene:
    """Make everything, and return while the last machines come up."""
    landform.call("POST", "/projects", json={"name": PROJECT})
    network = _made(landform, "shop-net", "networks", {"zones": 3})
    front = _made(landform, "shop-web", "machine-groups", _machines("shop-net", 4, "medium"))
    _made(landform, "shop-apps", "clusters", {"network": "shop-net"})
    _made(landform, "backups", "buckets", {"versioning": True})
    assets = _made(landform, "shop-assets", "buckets", {})
    _change_outside(landform, front, assets)
    _fail(landform)
    waiting = _ask_for_less(landform, network)
    landform.cloud.set_faults(create_delay_seconds=DELAY_SECONDS)
    asked = landform.create(
        "batch", "machine-groups", project=PROJECT, parameters=_machines("shop-net", 12, "small")
    )
    running = str(asked["operation"]["id"])
    # Terraform makes ten at a time: the first ten are there, two come.
    wait_until(lambda: _progress(landform, running) >= 10, "ten machines", DELAY_SECONDS * 3)
    time.sleep(2)
    return Scene(str(network["id"]), waiting, running)


def _machines(network: str, count: int, size: str) -> dict[str, Any]:
    return {"network": network, "count": count, "size": size}


def _made(
    landform: RunningLandform, name: str, kind: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    return landform.made(name, kind, project=PROJECT, parameters=parameters)


def _change_outside(landform: RunningLandform, *stacks: dict[str, Any]) -> None:
    """Make one machine larger, delete another, open a bucket to everybody; then check."""
    front, assets = stacks
    larger, gone, *_ = landform.cloud.list(tag=f"landform:stack={front['id']}")
    (bucket,) = landform.cloud.list(tag=f"landform:stack={assets['id']}")
    landform.cloud.call(
        "PATCH", f"/resources/{larger['id']}", json={"attributes": {"size": "large"}}
    )
    landform.cloud.call("DELETE", f"/resources/{gone['id']}", params={"force": "true"})
    landform.cloud.call(
        "PATCH", f"/resources/{bucket['id']}", json={"attributes": {"public": True}}
    )
    for stack in stacks:
        landform.end_of(landform.request(stack["id"], "drift_check")["id"])


def _fail(landform: RunningLandform) -> None:
    landform.cloud.set_faults(failure_rate=1)
    asked = landform.create("reports", "buckets", project=PROJECT, parameters={})
    landform.end_of(asked["operation"]["id"])
    landform.cloud.set_faults()


def _ask_for_less(landform: RunningLandform, network: dict[str, Any]) -> str:
    """Ask for fewer zones of the network that others stand on; return the plan that waits."""
    path = f"/networks/{network['id']}"
    answer = landform.http.get(f"/api/v1{path}")
    changed = landform.call(
        "PATCH",
        path,
        headers={"If-Match": answer.headers["ETag"]},
        json={"parameters": {"zones": 2}, "auto_apply": "never"},
    )
    operation = str(changed["operation"]["id"])
    wait_until(lambda: landform.operation(operation)["status"] == "planned", "a plan that waits")
    return operation


def _progress(landform: RunningLandform, operation_id: str) -> int:
    events = landform.call("GET", f"/operations/{operation_id}/events", params={"limit": 200})
    return sum(item["type"] == "apply_complete" for item in events["items"])
