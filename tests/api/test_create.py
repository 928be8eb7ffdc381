"""Asking for a stack in a typed collection: accepted whole, or refused with nothing half-made."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from app.models import AuditEvent, CloudAccount, Operation, Schedule, Stack
from tests.api.rest import Rest, pointers, problem

NAMES = ["Web", "-web", "web-", "w_b", "wéb", "1web", "", "w" * 41, "we b", "web\n", "web.a"]


def _ask(rest: Rest, plural: str = "networks", **body: Any) -> Any:
    return rest.post(f"/{plural}", {"name": "web", "cloud_account": "sandbox", **body})


def _rows(rest: Rest) -> tuple[int, ...]:
    return tuple(rest.count(model) for model in (Stack, Operation, Schedule, AuditEvent))


def test_a_new_stack_is_accepted_with_an_operation_to_follow(rest: Rest) -> None:
    answer = _ask(rest, parameters={"zones": 3}, labels={"team": "web"})
    assert answer.status_code == 202
    stack, operation = answer.json["stack"], answer.json["operation"]
    assert answer.headers["Location"] == f"/api/v1/operations/{operation['id']}"
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["ETag"].startswith('"1.')
    assert (stack["status"], stack["kind"], stack["region"]) == ("creating", "network", "eu-west")
    assert stack["project"]["name"] == "default"
    assert stack["cloud_account"]["name"] == "sandbox"
    assert stack["parameters"] == {"cidr": "10.0.0.0/16", "zones": 3, "internet_access": True}
    assert (operation["type"], operation["status"]) == ("apply", "pending")
    assert operation["requested_by"] == "admin"
    assert rest.get(f"/stacks/{stack['id']}").json == stack
    assert rest.get(f"/networks/{stack['id']}").json == stack
    assert rest.get(f"/operations/{operation['id']}").json == operation


def test_project_and_account_are_taken_by_id_as_well(rest: Rest) -> None:
    first = rest.create("networks", "first")["stack"]
    ids = {name: first[name]["id"] for name in ("project", "cloud_account")}
    second = rest.create("networks", "second", **ids)["stack"]
    assert (second["project"], second["cloud_account"]) == (
        first["project"],
        first["cloud_account"],
    )


def test_every_setting_that_is_given_is_kept(rest: Rest) -> None:
    stack = rest.create(
        "buckets",
        "files",
        region="us-east",
        labels={"team": "a b", "cost/center": ""},
        auto_apply="additions_only",
        drift={"enabled": False, "cron": "0 6 * * 1"},
        expires_at="2030-01-01T02:00:00+02:00",
        deletion_protection=True,
    )["stack"]
    assert stack["region"] == "us-east"
    assert stack["labels"] == {"team": "a b", "cost/center": ""}
    assert stack["auto_apply"] == "additions_only"
    assert (stack["drift"]["enabled"], stack["drift"]["cron"]) == (False, "0 6 * * 1")
    assert stack["expires_at"] == "2030-01-01T00:00:00.000Z"
    assert stack["deletion_protection"] is True


def test_an_accepted_stack_is_kept_while_redis_is_away(rest: Rest) -> None:
    created = rest.create("networks", "web")
    assert created["operation"]["waiting_for"]["reason"] == "worker"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_follows_the_rule(reader: Rest, name: str) -> None:
    body = problem(_ask(reader, name=name), 422, "validation_failed")
    assert pointers(body) == ["/name"]


def test_a_name_is_taken_while_its_stack_lives(rest: Rest, network: dict[str, Any]) -> None:
    before = _rows(rest)
    body = problem(_ask(rest, "buckets"), 409, "name_taken")
    assert pointers(body) == ["/name"]
    assert _rows(rest) == before
    destroyed = rest.delete(f"/networks/{network['id']}", If_Match="*").json
    rest.end(destroyed["operation"]["id"], stack_status="deleted")
    assert _ask(rest, "buckets").status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"project": "nowhere"}, "/project"),
        ({"cloud_account": "nowhere"}, "/cloud_account"),
        ({"region": "mars-north"}, "/region"),
        ({"region": ""}, "/region"),
        ({"parameters": {"zones": 4}}, "/parameters/zones"),
        ({"parameters": {"zones": "2"}}, "/parameters/zones"),
        ({"parameters": {"zones": True}}, "/parameters/zones"),
        ({"parameters": {"zones": 10**30}}, "/parameters/zones"),
        ({"parameters": {"zone": 1}}, "/parameters"),
        ({"parameters": {"cidr": "10.0.0.0/33"}}, "/parameters/cidr"),
        ({"parameters": {"cidr": '${file("x")}'}}, "/parameters/cidr"),
        ({"labels": {"bad name": "x"}}, "/labels/bad name"),
        ({"labels": {"a\n": "x"}}, "/labels"),
        ({"labels": {"a": "x" * 256}}, "/labels/a"),
        ({"labels": {f"l{n}": "x" for n in range(65)}}, "/labels"),
    ],
)
def test_an_unknown_or_unfit_value_is_refused_and_nothing_is_made(
    reader: Rest, body: dict[str, Any], pointer: str
) -> None:
    before = _rows(reader)
    told = problem(_ask(reader, **body), 422, "validation_failed")
    assert pointers(told)[0].startswith(pointer)
    assert _rows(reader) == before


def test_an_unknown_kind_is_no_path(reader: Rest) -> None:
    problem(_ask(reader, "volcanoes"), 404, "not_found")


def test_a_size_the_kind_does_not_know_is_refused(rest: Rest, network: dict[str, Any]) -> None:
    parameters = {"network": network["id"], "size": "enormous"}
    answer = _ask(rest, "machine-groups", name="workers", parameters=parameters)
    assert pointers(problem(answer, 422, "validation_failed")) == ["/parameters/size"]


def test_a_region_the_account_does_not_allow_is_refused(rest: Rest) -> None:
    with rest.ctx.write() as session:
        session.execute(update(CloudAccount).values(regions=["us-east", "eu-central"]))
    assert pointers(problem(_ask(rest, region="eu-west"), 422, "validation_failed")) == ["/region"]
    assert _ask(rest, region="us-east").status_code == 202


def test_the_only_region_of_an_account_may_be_left_out(rest: Rest) -> None:
    with rest.ctx.write() as session:
        session.execute(update(CloudAccount).values(regions=["us-east"]))
    assert rest.create("networks", "web")["stack"]["region"] == "us-east"


def _group(rest: Rest, reference: object, **body: Any) -> Any:
    parameters = {"network": reference}
    return rest.post(
        "/machine-groups",
        {"name": "workers", "cloud_account": "sandbox", "parameters": parameters, **body},
    )


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_reference_is_taken_by_id_or_name_and_shown_both_ways(
    rest: Rest, network: dict[str, Any], by: str
) -> None:
    group = _group(rest, network[by]).json["stack"]
    assert group["parameters"]["network"] == network["id"]
    assert [item["id"] for item in group["references"]["uses"]] == [network["id"]]
    used_by = rest.get(f"/stacks/{network['id']}").json["references"]["used_by"]
    assert [(item["name"], item["parameter"]) for item in used_by] == [("workers", "network")]


def _refused_reference(rest: Rest, reference: object, **body: Any) -> dict[str, Any]:
    before = _rows(rest)
    answer = _group(rest, reference, **body)
    told = problem(answer, answer.status_code, answer.get_json(force=True)["code"])
    assert pointers(told) == ["/parameters/network"]
    assert _rows(rest) == before
    return told


def test_a_reference_to_nothing_is_refused(rest: Rest) -> None:
    assert _refused_reference(rest, "nothing")["status"] == 422


def test_a_reference_to_another_kind_is_refused(rest: Rest) -> None:
    rest.made("buckets", "files")
    told = _refused_reference(rest, "files")
    assert told["status"] == 422
    assert "is a bucket; a network or existing-network is needed" in told["detail"]


def test_a_reference_into_another_project_is_refused(rest: Rest) -> None:
    rest.make_project("other")
    elsewhere = rest.made("networks", "web", project="other")
    assert _refused_reference(rest, elsewhere["id"])["status"] == 422


@pytest.mark.parametrize("status", ["creating", "deleting", "needs_attention"])
def test_a_reference_to_a_stack_that_is_not_ready_is_refused(
    rest: Rest, network: dict[str, Any], status: str
) -> None:
    rest.set_stack(network["id"], status=status)
    told = _refused_reference(rest, network["id"])
    assert (told["status"], told["code"]) == (409, "reference_not_ready")


def test_a_reference_to_a_stack_whose_destroy_is_queued_is_refused(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.delete(f"/networks/{network['id']}", If_Match="*")
    assert _refused_reference(rest, network["id"])["code"] == "reference_not_ready"


def test_a_reference_into_another_region_is_refused(rest: Rest, network: dict[str, Any]) -> None:
    told = _refused_reference(rest, network["id"], region="us-east")
    assert told["status"] == 422
    assert "eu-west" in told["detail"]


def test_a_missing_reference_is_a_missing_parameter(reader: Rest) -> None:
    told = problem(_ask(reader, "machine-groups"), 422, "validation_failed")
    assert pointers(told) == ["/parameters"]


def test_a_secret_parameter_is_never_shown_again(rest: Rest, network: dict[str, Any]) -> None:
    secret = "s3cr3t-canary"
    parameters = {"network": network["id"], "user_data": secret}
    headers = {"Idempotency-Key": "one"}
    body = {"name": "workers", "cloud_account": "sandbox", "parameters": parameters}
    answer = rest.call("POST", "/machine-groups", json=body, headers=headers)
    assert answer.status_code == 202
    assert answer.json["stack"]["parameters"]["user_data"] == "********"
    path = f"/machine-groups/{answer.json['stack']['id']}"
    assert secret not in answer.text + rest.get(path).text + rest.get("/stacks").text
    home = rest.ctx.settings.home_dir
    assert not any(secret.encode() in file.read_bytes() for file in home.glob("landform.db*"))
