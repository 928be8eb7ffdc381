"""Networks that somebody else made, over the API: the same words on every cloud."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.rest import Rest, pointers, problem

GOOD = {"network_id": "net_1", "subnet_ids": ["sub_1", "sub_2"]}


def ask(rest: Rest, name: str = "theirs", **parameters: Any) -> Any:
    body = {"name": name, "cloud_account": "sandbox", "parameters": {**GOOD, **parameters}}
    return rest.post("/existing-networks", body)


def test_it_serves_wherever_a_network_is_asked_for(rest: Rest) -> None:
    made = ask(rest).json
    rest.end(made["operation"]["id"])
    for plural in ("machine-groups", "clusters", "databases"):
        body = {"name": plural, "cloud_account": "sandbox", "parameters": {"network": "theirs"}}
        answer = rest.post(f"/{plural}", body)
        assert answer.status_code == 202, answer.text
        (uses,) = answer.json["stack"]["references"]["uses"]
        assert (uses["kind"], uses["id"]) == ("existing-network", made["stack"]["id"])
    told = problem(
        rest.delete(f"/existing-networks/{made['stack']['id']}", If_Match="*"),
        409,
        "stack_referenced",
    )
    assert "databases" in told["detail"]


def test_what_is_no_network_is_still_refused_and_both_kinds_are_named(rest: Rest) -> None:
    made = rest.create("buckets", "media")
    rest.end(made["operation"]["id"])
    body = {"name": "group", "cloud_account": "sandbox", "parameters": {"network": "media"}}
    told = problem(rest.post("/machine-groups", body), 422, "validation_failed")
    assert "is a bucket; a network or existing-network is needed here" in told["detail"]


@pytest.mark.parametrize(
    ("pointer", "parameters"),
    [
        ("/parameters/network_id", {"network_id": ""}),
        ("/parameters/network_id", {"network_id": '${file("/etc/passwd")}'}),
        ("/parameters/network_id", {"network_id": "net 1"}),
        ("/parameters/network_id", {"network_id": "n" * 257}),
        ("/parameters/network_id", {"network_id": ["net_1"]}),
        ("/parameters/subnet_ids", {"subnet_ids": []}),
        ("/parameters/subnet_ids", {"subnet_ids": "sub_1"}),
        ("/parameters/subnet_ids/1", {"subnet_ids": ["sub_1", "sub_1"]}),
        ("/parameters/subnet_ids", {"subnet_ids": [f"sub_{number}" for number in range(17)]}),
        ("/parameters/subnet_ids/0", {"subnet_ids": ["-sub"]}),
        ("/parameters/subnet_ids/1", {"subnet_ids": ["sub_1", "sub 2"]}),
        ("/parameters/cidr", {"cidr": "10.0.0.0/16"}),
    ],
)
def test_what_is_no_id_is_refused_before_anything_starts(
    rest: Rest, pointer: str, parameters: dict[str, Any]
) -> None:
    assert pointers(problem(ask(rest, **parameters), 422, "validation_failed")) == [pointer]


def test_ids_of_every_cloud_fit(rest: Rest) -> None:
    long = "/subscriptions/0000/resourceGroups/a.b/providers/Microsoft.Network/virtualNetworks/v"
    for number, name in enumerate(("vpc-0a1b2c3d", "projects/p/global/networks/n", long)):
        answer = ask(rest, f"theirs-{number}", network_id=name)
        assert answer.status_code == 202, answer.text


def test_another_network_cannot_take_the_place_of_one_that_was_made(rest: Rest) -> None:
    made = ask(rest).json
    rest.end(made["operation"]["id"])
    path = f"/existing-networks/{made['stack']['id']}"
    body = {"parameters": {"network_id": "net_2"}}
    told = problem(rest.patch(path, body, If_Match="*"), 409, "immutable_parameter")
    assert pointers(told) == ["/parameters/network_id"]
    body = {"parameters": {"subnet_ids": ["sub_2"]}}
    assert rest.patch(path, body, If_Match="*").status_code == 202
