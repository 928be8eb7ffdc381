"""A network that somebody else made: read, used and given back, never touched."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.operations import OperationType
from app.models import Stack
from tests.landform import Landform


def make_foreign(landform: Landform, cidr: str = "10.9.0.0/16") -> tuple[str, list[str]]:
    """Make a network with two subnets outside Landform; return the ids."""

    def make(kind: str, **attributes: Any) -> str:
        body = {"type": kind, "attributes": {"name": "theirs", **attributes}}
        return str(landform.cloud.call("POST", "/resources", json=body)["id"])

    network = make("network", cidr=cidr, region="eu-west")
    first = cidr.rsplit(".", 2)[0]
    subnets = [
        make("subnet", network_id=network, cidr=f"{first}.{part}.0/24", zone=zone)
        for part, zone in ((1, "eu-west-b"), (2, "eu-west-a"))
    ]
    return network, subnets


def made_from(landform: Landform, network: str, subnets: list[str]) -> Stack:
    parameters = {"network_id": network, "subnet_ids": subnets}
    return landform.made("existing-network", "theirs", parameters=parameters)


def outputs_of(landform: Landform, stack: Stack) -> dict[str, Any]:
    with landform.ctx.read() as session:
        return {item.name: item.value for item in session.get_one(Stack, stack.id).outputs}


@pytest.mark.thorough
def test_a_network_of_others_is_used_and_survives_its_stack(landform: Landform) -> None:
    network, subnets = make_foreign(landform)
    before = landform.cloud.list()
    stack = made_from(landform, network, subnets)
    assert outputs_of(landform, stack) == {
        "network_id": network,
        "cidr": "10.9.0.0/16",
        "subnet_ids": subnets,
        "gateway_address": "10.9.0.1",
    }
    group = landform.made("machine-group", "group", parameters={"network": "theirs", "count": 2})
    machines = landform.cloud.list(type="machine")
    assert {item["attributes"]["subnet_id"] for item in machines} == set(subnets)
    assert landform.perform(group, OperationType.DESTROY).status == "applied"
    assert landform.perform(stack, OperationType.DESTROY).status == "applied"
    assert landform.stack(stack.id).status == "deleted"
    assert landform.cloud.list() == before, "not even a tag has changed"


def test_a_subnet_of_another_network_is_refused_in_words(landform: Landform) -> None:
    network, subnets = make_foreign(landform)
    _, others = make_foreign(landform, "10.8.0.0/16")
    parameters = {"network_id": network, "subnet_ids": [subnets[0], others[0]]}
    stack, operation = landform.create("existing-network", "theirs", parameters=parameters)
    done = landform.carry_out(operation)
    assert done.status == "errored"
    assert f"The subnet {others[0]} is not in the network {network}." in str(done.error)
    assert landform.stack(stack.id).status == "failed"


@pytest.mark.thorough
def test_what_is_only_read_never_drifts_but_is_missed_when_it_is_gone(landform: Landform) -> None:
    network, subnets = make_foreign(landform)
    stack = made_from(landform, network, subnets)
    landform.cloud.call("PATCH", f"/resources/{network}", json={"tags": {"owner": "they"}})
    assert landform.perform(stack, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.stack(stack.id).drift_status == "in_sync", "theirs to change"
    landform.cloud.call("DELETE", f"/resources/{subnets[1]}")
    done = landform.perform(stack, OperationType.DRIFT_CHECK)
    assert subnets[1] in str(done.error)
    assert landform.stack(stack.id).drift_status == "unknown"
    assert landform.perform(stack, OperationType.DESTROY).status == "applied", "nothing to read"
