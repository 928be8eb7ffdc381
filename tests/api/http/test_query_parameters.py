"""A query parameter that an operation does not know stops it before it does anything."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from app.api.http.query_parameters import MAX_QUERY_BYTES, known_parameters
from app.models import AuditEvent, Operation
from app.models.base import Base
from tests.api.rest import Rest, pointers, problem
from tests.api.walking import Described, find_real, operations

ALL = operations()


@pytest.fixture(scope="module")
def fleet(make_reader: Callable[[], Rest]) -> Rest:
    """A Landform with a network and a lock, so that many paths have something to change."""
    rest = make_reader()
    stack = rest.made("networks", "net-1")
    rest.call("PUT", f"/stacks/{stack['id']}/lock", json={"reason": "to be walked"})
    return rest


def send(rest: Rest, item: Described, query: str) -> tuple[int, dict[str, object]]:
    path = find_real(rest, item.path) or item.nowhere
    headers = {"If-Match": "*"} if "If-Match" in item.headers() else {}
    answer = rest.call(
        item.method, f"{path}?{query}", json=item.example, headers=headers, buffered=True
    )
    return answer.status_code, json.loads(answer.data or b"{}")


def written(rest: Rest) -> dict[str, int]:
    """How many rows each table has."""
    with rest.ctx.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.parametrize("item", ALL, ids=str)
def test_an_unknown_parameter_is_refused_and_nothing_is_done(fleet: Rest, item: Described) -> None:
    before = written(fleet)
    for query in ("force=true", "nonsense", "Limit=1", "limit%00=1"):
        status, told = send(fleet, item, query)
        assert status == 422, told
        assert told["code"] == "validation_failed"
        name = query.partition("=")[0].replace("%00", "\x00")
        assert pointers(told) == [f"?{name}"]
    assert written(fleet) == before


@pytest.mark.parametrize("item", ALL, ids=str)
def test_a_known_parameter_may_be_given_once(fleet: Rest, item: Described) -> None:
    for one in item.operation["parameters"]:
        if one["in"] != "query" or one["schema"].get("type") == "array":
            continue
        name = one["name"]
        status, told = send(fleet, item, f"{name}=1&{name}=1")
        assert (status, pointers(told)) == (422, [f"?{name}"])


def test_an_endless_query_is_refused(fleet: Rest) -> None:
    query = "&".join(f"{number}=" for number in range(MAX_QUERY_BYTES // 3))
    for item in ALL:
        status, told = send(fleet, item, query)
        assert (status, pointers(told)) == (422, ["?"])
        assert len(json.dumps(told)) < 1000


def test_every_route_of_the_api_is_walked(fleet: Rest) -> None:
    described = {(item.method, item.path) for item in ALL}
    for rule in fleet.app.url_map.iter_rules():
        path = rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if path.startswith("/api/v1/") and path != "/api/v1/openapi.json":
                assert (method, path) in described


def test_the_document_itself_takes_no_parameter(fleet: Rest) -> None:
    told = problem(fleet.get("/openapi.json", pretty="1"), 422, "validation_failed")
    assert pointers(told) == ["?pretty"]


def test_what_an_operation_takes_is_what_the_document_says(fleet: Rest) -> None:
    views = fleet.app.view_functions
    found = {}
    for rule in fleet.app.url_map.iter_rules():
        path = rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}")
        for method in rule.methods or set():
            found[method, path] = known_parameters(views[rule.endpoint], method)
    for item in ALL:
        told = {one["name"] for one in item.operation["parameters"] if one["in"] == "query"}
        assert found[item.method, item.path] == told, item


def test_a_stack_is_not_made_when_its_request_asks_for_more(rest: Rest) -> None:
    body = {"name": "web", "cloud_account": "sandbox"}
    answer = rest.call("POST", "/networks?preview=true", json=body)
    assert pointers(problem(answer, 422, "validation_failed")) == ["?preview"]
    assert rest.count(Operation) == 0
    assert rest.get("/networks").json["items"] == []


def test_no_event_tells_of_a_request_that_was_refused_for_its_query(rest: Rest) -> None:
    before = rest.count(AuditEvent)
    rest.call("POST", "/projects?force=1", json={"name": "other"})
    assert rest.count(AuditEvent) == before
