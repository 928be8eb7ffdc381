"""What a cloud needs of a stack that is referred to is refused with 422 before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.rest import Rest, problem

ACCOUNT = "aws-test"
VPC, SUBNET = "vpc-0a1b2c3d4e5f67890", "subnet-0a1b2c3d4e5f67890"
KEYS = {"access_key_id": "AKIAEXAMPLE000000000", "secret_access_key": "x" * 40}


@pytest.fixture
def aws(rest: Rest) -> Rest:
    """The API with a cloud account on AWS; nothing here asks that cloud."""
    body = {"name": ACCOUNT, "cloud": "aws", "credentials": KEYS, "default_region": "eu-west"}
    answer = rest.post("/cloud-accounts", {**body, "projects": "all"})
    assert answer.status_code == 201, answer.text
    return rest


def ask(rest: Rest, plural: str, name: str, account: str = ACCOUNT, **parameters: Any) -> Any:
    body = {"name": name, "cloud_account": account, "parameters": parameters}
    return rest.post(f"/{plural}", body)


def made(rest: Rest, plural: str, name: str, account: str = ACCOUNT, **parameters: Any) -> Any:
    answer = ask(rest, plural, name, account, **parameters)
    assert answer.status_code == 202, answer.text
    return answer.get_json()["stack"]


@pytest.mark.parametrize(
    ("plural", "network", "needed"),
    [
        ("databases", {"zones": 1}, "a database needs a network in at least two"),
        ("clusters", {"zones": 1}, "a cluster needs a network in at least two"),
        ("clusters", {"internet_access": False}, "has no internet access"),
    ],
)
def test_a_network_that_cannot_carry_it_is_refused_before_anything(
    aws: Rest, plural: str, network: dict[str, Any], needed: str
) -> None:
    made(aws, "networks", "web", **network)
    found = problem(ask(aws, plural, "main", network="web"), 422, "validation_failed")
    (error,) = found["errors"]
    assert error["pointer"] == "/parameters/network"
    assert error["message"].startswith("network 'web' ")
    assert needed in error["message"]
    assert aws.get(f"/{plural}").get_json()["items"] == []


def test_the_default_network_carries_both(aws: Rest) -> None:
    made(aws, "networks", "web")
    made(aws, "databases", "data", network="web")
    made(aws, "clusters", "main", network="web")


def test_an_existing_network_needs_two_subnets(aws: Rest) -> None:
    made(aws, "existing-networks", "old", network_id=VPC, subnet_ids=[SUBNET])
    found = problem(ask(aws, "databases", "data", network="old"), 422, "validation_failed")
    assert "subnets in at least two zones" in found["errors"][0]["message"]


def test_a_network_that_is_used_cannot_lose_what_others_need(aws: Rest) -> None:
    network = made(aws, "networks", "web")
    made(aws, "clusters", "main", network="web")
    path, parameters = f"/networks/{network['id']}", {"zones": 1, "internet_access": False}
    answer = aws.patch(path, {"parameters": parameters}, If_Match="*")
    errors = {
        item["pointer"]: item["message"]
        for item in problem(answer, 422, "validation_failed")["errors"]
    }
    assert set(errors) == {"/parameters/zones", "/parameters/internet_access"}
    assert errors["/parameters/zones"].startswith("cluster 'main' uses this network")
    assert aws.get(path).get_json()["parameters"]["zones"] == 2


def test_a_cloud_that_does_not_need_it_refuses_nothing(rest: Rest) -> None:
    network = made(rest, "networks", "web", "sandbox", zones=1, internet_access=False)
    made(rest, "databases", "data", "sandbox", network=network["id"])
