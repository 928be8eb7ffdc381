"""What the sandbox cloud's API says to input it cannot take: always problem+json, never a 500."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.errors import SandboxError
from sandbox.service.problems import STATUS
from sandbox.service.settings import Settings
from tests.sandbox.examples import BUCKET, NETWORK, create

HOSTILE_ATTRIBUTES = [
    ({"cidr": "10.0.0.1/16"}, "/attributes/cidr"),
    ({"cidr": "10.0.0.0/255.255.0.0"}, "/attributes/cidr"),
    ({"cidr": "10.0.0.0/30"}, "/attributes/cidr"),
    ({"cidr": "2001:db8::/32"}, "/attributes/cidr"),
    ({"cidr": 7}, "/attributes/cidr"),
    ({"name": ""}, "/attributes/name"),
    ({"name": "a\n"}, "/attributes/name"),
    ({"name": None}, "/attributes/name"),
    ({"name": ["a"]}, "/attributes/name"),
    ({"name": "x" * 20_000}, "/attributes/name"),
    ({"region": "\ud800"}, "/attributes/region"),
    ({"internet_access": "yes"}, "/attributes/internet_access"),
    ({"internet_access": 1}, "/attributes/internet_access"),
    ({"gateway_address": "10.0.0.9"}, "/attributes/gateway_address"),
    ({"colour": "red"}, "/attributes/colour"),
]


def _refuse(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert {"type", "title", "status", "code", "detail"} <= set(problem)
    assert (problem["status"], problem["code"]) == (status, code)
    return problem


@pytest.mark.parametrize(("wrong", "pointer"), HOSTILE_ATTRIBUTES)
def test_a_wrong_attribute_is_named(api: FlaskClient, wrong: dict[str, Any], pointer: str) -> None:
    body = {"type": "network", "attributes": {**NETWORK, **wrong}}

    problem = _refuse(api.post("/v1/resources", json=body), 422, "invalid_resource")

    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert api.get("/v1/resources").get_json()["items"] == []


@pytest.mark.parametrize("days", [0, -1, 1.5, True, "7", 10**300])
def test_a_wrong_number_is_refused(api: FlaskClient, days: object) -> None:
    body = {"type": "bucket", "attributes": {**BUCKET, "expire_after_days": days}}

    _refuse(api.post("/v1/resources", json=body), 422, "invalid_resource")


def test_every_missing_attribute_is_listed(api: FlaskClient) -> None:
    answer = api.post("/v1/resources", json={"type": "network", "attributes": {}})

    problem = _refuse(answer, 422, "invalid_resource")
    assert {fault["pointer"] for fault in problem["errors"]} == {
        "/attributes/name",
        "/attributes/cidr",
        "/attributes/region",
    }


def test_an_unknown_type_is_refused_with_the_known_ones(api: FlaskClient) -> None:
    body = {"type": "spaceship", "attributes": {}}

    problem = _refuse(api.post("/v1/resources", json=body), 422, "invalid_resource")

    assert ", ".join(sorted(RESOURCE_TYPES)) in problem["detail"]
    _refuse(api.get("/v1/resources?type=spaceship"), 422, "invalid_resource")


def test_a_reference_to_nothing_is_refused(api: FlaskClient) -> None:
    bucket = create(api, "bucket", **BUCKET)["id"]
    for network_id in ("net_missing", bucket):
        subnet = {"name": "s", "network_id": network_id, "cidr": "10.0.1.0/24", "zone": "z"}
        answer = api.post("/v1/resources", json={"type": "subnet", "attributes": subnet})
        problem = _refuse(answer, 422, "invalid_resource")
        assert problem["errors"][0]["pointer"] == "/attributes/network_id"


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"},
        {"a=b": "x"},
        {"k" * 129: "x"},
        {"k": "v" * 257},
        {"k": "\x00"},
        {"k": "\ud800"},
        {f"k{number}": "" for number in range(51)},
    ],
)
def test_impossible_tags_are_refused(api: FlaskClient, tags: dict[str, str]) -> None:
    body = {"type": "bucket", "attributes": BUCKET, "tags": tags}

    _refuse(api.post("/v1/resources", json=body), 422, "invalid_resource")
    bucket = create(api, "bucket", **BUCKET)["id"]
    _refuse(api.patch(f"/v1/resources/{bucket}", json={"tags": tags}), 422, "invalid_resource")


@pytest.mark.parametrize("tags", [{"k": 1}, {"k": None}, ["k"], "k=v"])
def test_tags_of_the_wrong_shape_are_refused(api: FlaskClient, tags: object) -> None:
    body = {"type": "bucket", "attributes": BUCKET, "tags": tags}

    _refuse(api.post("/v1/resources", json=body), 422, "invalid_request")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("tag=landform", "invalid_query"),
        ("tag==x", "invalid_query"),
        ("cursor=nonsense", "invalid_query"),
        ("cursor=%C3%A9", "invalid_query"),
        ("cursor=c2VxOi0x", "invalid_query"),
        ("limit=0", "invalid_request"),
        ("limit=201", "invalid_request"),
        ("limit=many", "invalid_request"),
        ("colour=red", "invalid_request"),
    ],
)
def test_a_wrong_query_is_refused(api: FlaskClient, query: str, code: str) -> None:
    _refuse(api.get(f"/v1/resources?{query}"), 422, code)


@pytest.mark.parametrize(
    "faults",
    [
        {"create_delay_seconds": -1},
        {"create_delay_seconds": "1"},
        {"create_delay_seconds": True},
        {"read_delay_seconds": 61},
        {"failure_rate": 1.1},
        {"failure_rate": -0.1},
        {"quota": -1},
        {"quota": 1.5},
        {"seed": -1},
        {"colour": "red"},
    ],
)
def test_impossible_faults_are_refused(api: FlaskClient, faults: dict[str, Any]) -> None:
    before = api.get("/v1/faults").get_json()

    _refuse(api.put("/v1/faults", json=faults), 422, "invalid_request")

    assert api.get("/v1/faults").get_json() == before


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"failure_rate": NaN}',
        b'{"quota": ' + b"9" * 5000 + b"}",
        b"[]",
        b"null",
        b'"text"',
    ],
)
def test_a_body_that_is_no_usable_json_is_refused(api: FlaskClient, body: bytes) -> None:
    answer = api.put("/v1/faults", data=body, content_type="application/json")

    assert answer.status_code in (400, 422), answer.text
    assert answer.content_type == "application/problem+json"


def test_a_huge_body_is_refused(api: FlaskClient) -> None:
    body = {"type": "bucket", "attributes": BUCKET, "tags": {"k": "v" * 300_000}}

    _refuse(api.post("/v1/resources", json=body), 413, "body_too_large")


def test_a_body_of_another_media_type_is_refused(api: FlaskClient) -> None:
    _refuse(api.put("/v1/faults", data=b"{}"), 415, "unsupported_media_type")


def test_an_empty_change_is_refused(api: FlaskClient) -> None:
    bucket = create(api, "bucket", **BUCKET)["id"]

    _refuse(api.patch(f"/v1/resources/{bucket}", json={}), 422, "invalid_request")


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_missing_resource_is_not_found(api: FlaskClient, method: str) -> None:
    body = None if method in ("get", "delete") else {"tags": {}}

    _refuse(getattr(api, method)("/v1/resources/net_0", json=body), 404, "resource_not_found")


def test_a_missing_path_is_told_apart_from_a_missing_resource(api: FlaskClient) -> None:
    _refuse(api.get("/v1/nothing"), 404, "path_not_found")


def test_a_wrong_method_is_answered_with_those_allowed(api: FlaskClient) -> None:
    answer = api.put("/v1/resources")

    _refuse(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer \xe9"]
)
@pytest.mark.parametrize("path", ["/v1/resources", "/v1/resources/net_0", "/v1/faults"])
def test_nothing_is_shown_without_a_valid_token(api: FlaskClient, path: str, header: str) -> None:
    answer = api.get(path, headers={"Authorization": header})

    _refuse(answer, 401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_another_accounts_resource_does_not_exist(api: FlaskClient) -> None:
    bucket = create(api, "bucket", **BUCKET)["id"]
    network = create(api, "network", **NETWORK)["id"]
    other = {"Authorization": f"Bearer {_second_account(api)}"}

    _refuse(api.get(f"/v1/resources/{bucket}", headers=other), 404, "resource_not_found")
    _refuse(api.delete(f"/v1/resources/{bucket}", headers=other), 404, "resource_not_found")
    assert api.get("/v1/resources", headers=other).get_json()["items"] == []
    subnet = {"name": "s", "network_id": network, "cidr": "10.0.1.0/24", "zone": "z"}
    body = {"type": "subnet", "attributes": subnet}
    _refuse(api.post("/v1/resources", json=body, headers=other), 422, "invalid_resource")
    same_name = {"type": "bucket", "attributes": BUCKET}
    assert api.post("/v1/resources", json=same_name, headers=other).status_code == 201


def test_every_domain_error_has_a_status_and_a_code_of_its_own() -> None:
    errors = SandboxError.__subclasses__()

    assert set(errors) == set(STATUS)
    assert len({error.code for error in errors}) == len(errors)


def _second_account(api: FlaskClient) -> str:
    resources = api.application.extensions["sandbox"].resources
    database: Database = resources._database
    return Accounts(database).create("second")


def test_settings_come_from_landform_home() -> None:
    settings = Settings.from_env({"LANDFORM_HOME": "/srv/landform"})

    assert str(settings.token_path) == "/srv/landform/sandbox/token"
    assert str(settings.database_path) == "/srv/landform/sandbox/cloud.db"
