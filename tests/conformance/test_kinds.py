"""The same kind on each cloud: what it makes, what it says, what it mends, and what it leaves.

``docs/clouds.md`` shows which of these cells are proven with what.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.catalog.json_schema import find_faults
from app.catalog.loader import load_catalog
from tests.api.rest import problem
from tests.catalog.conftest import SHIPPED
from tests.conformance.conftest import Ground, OpenGround
from tests.conformance.kinds import (
    CHANGES,
    CONNECTED,
    EVERYTHING,
    NEEDS,
    NETWORK,
    NOT_OFFERED,
    ONLY_ONE,
    offered_cells,
)
from tests.stand_ins.clouds import SUBSCRIPTION

PROVIDER = "providers/Microsoft.Network"
CATALOG = load_catalog(SHIPPED)
CELLS = offered_cells(CATALOG)
# The sandbox is what most other tests run on.
QUICK_CELLS = [
    pytest.param(*cell, marks=[pytest.mark.thorough] if cell[0] == "sandbox" else [])
    for cell in CELLS
]


def make(ground: Ground, kind: str, name: str, parameters: Any) -> dict[str, Any]:
    """Make a stack, with the network that it stands in if it needs one."""
    if "network" in parameters:
        network = CONNECTED if kind == "cluster" else NETWORK
        ground.landform.create("networks", "net", **network)
    return ground.landform.create(CATALOG.kind(kind).plural, name, **parameters)


def check_outputs(ground: Ground, kind: str, stack: dict[str, Any]) -> None:
    """Every output is there and of its type, and none is empty."""
    told = ground.landform.outputs(stack)
    assert set(told) == set(CATALOG.kind(kind).outputs)
    for name, spec in CATALOG.kind(kind).outputs.items():
        assert find_faults(spec.schema, told[name]) == {}, name
        assert told[name] not in ("", [], None), name


def check_tags(ground: Ground, cloud: str, stack: dict[str, Any]) -> None:
    """Every resource that can say whose it is does."""
    tags = CATALOG.cloud(cloud).tags
    key = tags.key("landform:stack")
    mute = [
        item["attributes"].get("id", item["id"])
        for item in ground.cloud.list(limit=200)
        if item["type"] not in tags.untaggable and not item["tags"].get(key)
    ]
    assert mute == []
    assert ground.cloud.list(tag=f"{key}={stack['id']}")


@pytest.mark.parametrize(("cloud", "kind"), QUICK_CELLS)
def test_a_stack_with_defaults_is_made_mended_and_destroyed(
    open_ground: OpenGround, cloud: str, kind: str
) -> None:
    ground = open_ground(cloud)
    stack = make(ground, kind, "main", NEEDS.get(kind, {}))
    check_outputs(ground, kind, stack)
    check_tags(ground, cloud, stack)

    change = CHANGES[cloud][kind]
    key = CATALOG.cloud(cloud).tags.key("landform:stack")
    victim = ground.cloud.list(type=change.type, tag=f"{key}={stack['id']}")[0]
    ground.cloud.call("PATCH", f"/resources/{victim['id']}", json={"attributes": change.attributes})
    (found,) = ground.landform.drift(stack).values()
    assert (found["change"], found["severity"]) == ("updated", change.severity)
    assert {item["path"].split("[")[0].split(".")[0] for item in found["attributes"]} == {
        *change.attributes
    }
    ground.landform.reconcile(stack)
    assert ground.landform.drift(stack) == {}

    ground.landform.destroy(CATALOG.kind(kind).plural, stack)
    assert ground.cloud.list(tag=f"{key}={stack['id']}") == []
    assert kind != "network" or ground.cloud.list() == []


STRAYS = {
    "gcp": ("google_storage_bucket", "stray", "labels"),
    "azure": (
        "azurerm_virtual_network",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/x/{PROVIDER}/virtualNetworks/stray",
        "tags",
    ),
}


@pytest.mark.parametrize("cloud", sorted(STRAYS))
def test_what_carries_the_tag_of_a_stack_and_is_in_no_state_is_found(
    open_ground: OpenGround, cloud: str
) -> None:
    ground = open_ground(cloud)
    stack = ground.landform.create("buckets", "main")
    key = CATALOG.cloud(cloud).tags.key("landform:stack")
    type_, identity, argument = STRAYS[cloud]
    attributes = {"id": identity, argument: {key: stack["id"]}}
    ground.cloud.call("POST", "/resources", json={"type": type_, "attributes": attributes})
    (found,) = ground.landform.drift(stack).values()
    assert (found["change"], found["type"], found["resource_id"]) == ("created", type_, identity)


@pytest.mark.thorough
@pytest.mark.parametrize("cloud", sorted(STRAYS))
def test_what_a_killed_terraform_made_is_found_and_destroyed(
    open_ground: OpenGround, cloud: str
) -> None:
    ground = open_ground(cloud)
    ground.cloud.set_faults(create_delay_seconds=20)
    operation = ground.landform.kill_once(
        lambda: bool(ground.cloud.list()), "networks", internet_access=False
    )
    ground.cloud.set_faults()
    (made,) = ground.cloud.list()
    orphans = [item["id"] for item in operation.possibly_orphaned]
    assert orphans == [made["attributes"]["id"]]
    done = ground.landform.resolve(operation, "destroy")
    assert done["status"] == "applied", done["error"]
    assert ground.cloud.list() == []


@pytest.mark.thorough
@pytest.mark.parametrize(("cloud", "kind"), CELLS)
def test_a_stack_with_every_parameter_set_is_made_and_leaves_nothing(
    open_ground: OpenGround, cloud: str, kind: str
) -> None:
    ground = open_ground(cloud)
    # The longest name, with a digit and hyphens.
    refused = NOT_OFFERED.get((cloud, kind), {})
    given = EVERYTHING[kind].items()
    wanted = {name: value for name, value in given if value != refused.get(name)}
    stack = make(ground, kind, f"a-2-{'b' * 36}", wanted)
    check_outputs(ground, kind, stack)
    check_tags(ground, cloud, stack)
    assert ground.landform.drift(stack) == {}
    ground.landform.destroy(CATALOG.kind(kind).plural, stack)
    if "network" in EVERYTHING[kind]:
        ground.landform.destroy("networks", ground.landform.named("networks", "net"))
    assert ground.cloud.list() == []


@pytest.mark.parametrize("kind", sorted(EVERYTHING))
def test_everything_is_every_parameter_and_none_at_its_default(kind: str) -> None:
    properties = CATALOG.kind(kind).schema.properties
    assert set(EVERYTHING[kind]) | ONLY_ONE.get(kind, set()) == set(properties)
    for name, value in EVERYTHING[kind].items():
        assert properties[name].get("default", "none") != value


@pytest.mark.parametrize(("cloud", "kind"), sorted(NOT_OFFERED))
def test_what_a_cloud_does_not_have_is_refused_before_terraform_starts(
    open_ground: OpenGround, cloud: str, kind: str
) -> None:
    ground = open_ground(cloud)
    ground.landform.create("networks", "net", **NETWORK)
    parameters = {**EVERYTHING[kind], **NOT_OFFERED[cloud, kind]}
    body = {"name": "main", "cloud_account": f"{cloud}-test", "parameters": parameters}
    told = problem(
        ground.landform.rest.post(f"/{CATALOG.kind(kind).plural}", body), 422, "validation_failed"
    )
    named = {item["pointer"]: item["message"] for item in told["errors"]}
    for name in NOT_OFFERED[cloud, kind]:
        assert "Azure" in named[f"/parameters/{name}"]


@pytest.mark.parametrize("cloud", ["gcp", "azure"])
def test_a_network_that_is_there_already_serves_and_is_left_as_it_is(
    open_ground: OpenGround, cloud: str
) -> None:
    ground = open_ground(cloud)
    network = ground.landform.create("networks", "net", zones=2, internet_access=False)
    given = ground.landform.outputs(network)
    before = ground.cloud.list(limit=200)
    parameters = {name: given[name] for name in ("network_id", "subnet_ids")}
    legacy = ground.landform.create("existing-networks", "legacy", **parameters)
    check_outputs(ground, "existing-network", legacy)
    told = ground.landform.outputs(legacy)
    assert {name: told[name] for name in parameters} == parameters
    # Two subnets of a sixteenth each lie in an eighth of the network.
    assert (told["cidr"], told["gateway_address"]) == ("10.0.0.0/19", "10.0.0.1")
    group = ground.landform.create("machine-groups", "app", network="legacy")
    ground.landform.destroy("machine-groups", group)
    ground.landform.destroy("existing-networks", legacy)
    assert ground.cloud.list(limit=200) == before


@pytest.mark.parametrize("cloud", ["gcp", "azure"])
def test_an_id_of_another_cloud_is_no_network(open_ground: OpenGround, cloud: str) -> None:
    ground = open_ground(cloud)
    parameters = {"network_id": "vpc-0a1b2c3d4e5f67890", "subnet_ids": ["subnet-1"]}
    body = {"name": "legacy", "cloud_account": f"{cloud}-test", "parameters": parameters}
    told = problem(ground.landform.rest.post("/existing-networks", body), 422, "validation_failed")
    assert [item["pointer"] for item in told["errors"]] == ["/parameters/network_id"]
