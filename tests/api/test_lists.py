"""Lists: pages that stay the same while things are added, and filters that say what they mean."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.rest import Rest, pointers, problem

LISTS = ["/stacks", "/networks", "/operations", "/drift", "/cloud-accounts"]


def _names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json["items"]]


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def test_pages_follow_each_other_and_stay_stable_under_inserts(rest: Rest) -> None:
    for number in range(5):
        rest.create("buckets", f"b{number}")
    first = rest.get("/stacks", limit=2, kind="bucket")
    assert _names(first) == ["b4", "b3"]
    rest.create("buckets", "later")
    (link,) = re.findall(r'^<(/api/v1/stacks\?[^>]*)>; rel="next"$', first.headers["Link"])
    second = rest.call("GET", link)
    assert _names(second) == ["b2", "b1"]
    last = rest.get("/stacks", limit=2, kind="bucket", cursor=second.json["next_cursor"])
    assert (_names(last), last.json["next_cursor"]) == (["b0"], None)
    assert "Link" not in last.headers


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", "", "1e3", "9" * 5000])
def test_a_limit_out_of_range_is_refused(reader: Rest, path: str, limit: str) -> None:
    told = problem(reader.get(path, limit=limit), 422, "validation_failed")
    assert pointers(told) == ["?limit"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        "é",
        "A" * 501,
        _cursor(),
        _cursor("id"),
        _cursor("name", "a"),
        _cursor("id", None),
        _cursor("id", True),
        _cursor("id", ["a"]),
        _cursor("id", 1.5),
        _cursor("id", 7),
        _cursor("id", 10**40),
        _cursor("id", "a\x00"),
        _cursor("id", "\ud800"),
        base64.urlsafe_b64encode(b"[" * 300).decode(),
        base64.urlsafe_b64encode(b'{"id": "a"}').decode(),
        base64.urlsafe_b64encode(b'"id"').decode(),
    ],
)
def test_a_cursor_that_no_list_made_is_refused(reader: Rest, cursor: str) -> None:
    told = problem(reader.get("/stacks", cursor=cursor), 422, "validation_failed")
    assert pointers(told) == ["?cursor"]


@pytest.mark.parametrize("cursor", [_cursor("id", "a"), _cursor("id", -1), _cursor("id", 2**63)])
def test_events_take_only_cursors_that_are_numbers(
    rest: Rest, network: dict[str, Any], cursor: str
) -> None:
    (operation,) = rest.get("/operations").json["items"]
    answer = rest.get(f"/operations/{operation['id']}/events", cursor=cursor)
    assert pointers(problem(answer, 422, "validation_failed")) == ["?cursor"]


@pytest.mark.parametrize("path", [*LISTS, "/clouds", "/kinds"])
def test_an_unknown_filter_is_refused(reader: Rest, path: str) -> None:
    told = problem(reader.get(path, colour="red"), 422, "validation_failed")
    assert pointers(told) == ["?colour"]


def test_a_typed_collection_has_no_filter_for_the_kind(reader: Rest) -> None:
    told = problem(reader.get("/networks", kind="network"), 422, "validation_failed")
    assert pointers(told) == ["?kind"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("status", "fine"), ("drift", "maybe"), ("label", "team"), ("label", "=x")],
        *[("label", 'a"b=x'), ("q", "x" * 65), ("project", "x" * 65), ("label", "a'=x")],
    ],
)
def test_a_filter_value_that_cannot_be_is_refused(reader: Rest, name: str, value: str) -> None:
    told = problem(reader.get("/stacks", **{name: value}), 422, "validation_failed")
    assert pointers(told) == [f"?{name}"]


@pytest.fixture(scope="module")
def fleet(make_reader: Callable[[], Rest]) -> Rest:
    """Stacks that the tests of this module only read."""
    rest = make_reader()
    rest.make_project("other")
    web = rest.made("networks", "web", labels={"team": "web", "cost/center.x": "a=b 'c' \"d\" %"})
    rest.made("networks", "web-2", region="us-east", labels={"team": "webshop"})
    rest.create("buckets", "files", project="other", labels={"team": "%"})
    gone = rest.made("buckets", "gone")
    destroyed = rest.delete(gone["links"]["typed"], If_Match="*").json["operation"]
    rest.end(destroyed["id"], stack_status="deleted")
    rest.set_stack(web["id"], drift_status="drifted")
    return rest


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["files", "web-2", "web"]),
        ({"project": "other"}, ["files"]),
        ({"project": ["other", "default"]}, ["files", "web-2", "web"]),
        ({"kind": "network"}, ["web-2", "web"]),
        ({"kind": ["network", "bucket"]}, ["files", "web-2", "web"]),
        ({"kind": "database"}, []),
        ({"name": "web"}, ["web"]),
        ({"name": ["web", "files", "none"]}, ["files", "web"]),
        ({"name": "we"}, []),
        ({"ids": "stk_none"}, []),
        ({"sort": "created_at"}, ["web", "web-2", "files"]),
        ({"sort": "-created_at"}, ["files", "web-2", "web"]),
        ({"created_after": "2020-01-01T00:00:00Z"}, ["files", "web-2", "web"]),
        ({"created_before": "2020-01-01T00:00:00Z"}, []),
        ({"status": ["ready", "creating"], "kind": "network"}, ["web-2", "web"]),
        ({"status": ["ready", "deleted"]}, ["gone", "web-2", "web"]),
        ({"region": ["us-east", "mars"], "drift": ["drifted", "not_checked"]}, ["web-2"]),
        ({"cloud": "sandbox"}, ["files", "web-2", "web"]),
        ({"cloud": "aws"}, []),
        ({"region": "us-east"}, ["web-2"]),
        ({"status": "ready"}, ["web-2", "web"]),
        ({"status": "creating"}, ["files"]),
        ({"status": "deleted"}, ["gone"]),
        ({"drift": "drifted"}, ["web"]),
        ({"drift": "not_checked"}, ["files", "web-2"]),
        ({"label": "team=web"}, ["web"]),
        ({"label": "team=%"}, ["files"]),
        ({"label": "team="}, []),
        ({"label": "cost/center.x=a=b 'c' \"d\" %"}, ["web"]),
        ({"label": "none=x"}, []),
        ({"q": "eb"}, ["web-2", "web"]),
        ({"q": "web-"}, ["web-2"]),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "'; DROP TABLE stacks; --"}, []),
        ({"q": '"'}, []),
        ({"q": "\\"}, []),
        ({"kind": "network", "region": "eu-west", "q": "w"}, ["web"]),
    ],
)
def test_every_filter_of_the_stacks(fleet: Rest, query: dict[str, Any], names: list[str]) -> None:
    assert _names(fleet.get("/stacks", **query)) == names


def test_a_stack_is_found_by_its_id(fleet: Rest) -> None:
    (item,) = fleet.get("/stacks", q="web-2").json["items"]
    assert _names(fleet.get("/stacks", q=item["id"])) == ["web-2"]
    project = item["project"]["id"]
    assert _names(fleet.get("/stacks", project=project)) == ["web-2", "web"]


def test_every_filter_of_the_operations(fleet: Rest) -> None:
    def types(**query: str) -> list[str]:
        return [item["type"] for item in fleet.get("/operations", **query).json["items"]]

    assert types() == ["destroy", "apply", "apply", "apply", "apply"]
    assert types(type="destroy") == ["destroy"]
    assert types(type="plan") == []
    assert types(status="pending") == ["apply"]
    (web,) = fleet.get("/stacks", label="team=web").json["items"]
    assert types(stack=web["id"]) == types(stack="web") == ["apply"]
    assert types(stack=["web", "web-2"]) == ["apply", "apply"]
    assert types(project="other") == ["apply"]
    assert types(kind="bucket") == ["destroy", "apply", "apply"]
    assert types(kind="bucket", type=["apply", "plan"]) == ["apply", "apply"]
    assert types(requested_by="admin", sort="created_at")[-1] == "destroy"
    assert types(requested_by="nobody") == types(created_before="2020-01-01T00:00:00Z") == []
    (operation,) = fleet.get("/operations", type="destroy").json["items"]
    assert types(ids=[operation["id"], "op_none"]) == ["destroy"]
    for name, value in (
        *(("type", "dance"), ("status", "fine"), ("stack", "x" * 65), ("sort", "name")),
        *(("created_after", "yesterday"), ("stack", "stk_none"), ("kind", "volcano")),
    ):
        told = problem(fleet.get("/operations", **{name: value}), 422, "validation_failed")
        assert pointers(told) == [f"?{name}"]


def test_the_drift_list_counts_the_fleet_and_filters_by_status(fleet: Rest) -> None:
    answer = fleet.get("/drift", status="drifted", limit=1)
    assert [item["stack"]["name"] for item in answer.json["items"]] == ["web"]
    assert answer.json["counts"] == {"in_sync": 0, "drifted": 1, "unknown": 0, "not_checked": 2}
    told = problem(fleet.get("/drift", status="fine"), 422, "validation_failed")
    assert pointers(told) == ["?status"]


def _statements(rest: Rest, path: str) -> int:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(rest.ctx.db.engine, "before_cursor_execute", note)
    assert rest.get(path, limit=200).status_code == 200
    event.remove(rest.ctx.db.engine, "before_cursor_execute", note)
    return len(seen)


@pytest.mark.parametrize("path", ["/stacks", "/operations", "/drift", "/networks"])
def test_a_longer_list_needs_no_more_queries(
    rest: Rest, network: dict[str, Any], path: str
) -> None:
    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            parameters = {"network": network["id"]}
            rest.create("machine-groups", f"g{number}", parameters=parameters)
            rest.create("networks", f"n{number}")

    grow(0, 2)
    few = _statements(rest, path)
    grow(2, 7)
    assert _statements(rest, path) == few


UNKNOWN = [
    *[(path, name) for path in ("/stacks", "/drift") for name in ("project", "kind", "cloud")],
    *[("/networks", name) for name in ("project", "cloud")],
    *[("/operations", name) for name in ("project", "kind", "stack")],
    *[("/drift/findings", name) for name in ("project", "kind", "cloud", "stack")],
]


@pytest.mark.parametrize(("path", "name"), UNKNOWN)
def test_a_filter_that_names_what_does_not_exist_is_refused(
    fleet: Rest, path: str, name: str
) -> None:
    told = problem(fleet.get(path, **{name: "nowhere"}), 422, "validation_failed")
    assert pointers(told) == [f"?{name}"]


def test_all_unknown_names_are_told_at_once(fleet: Rest) -> None:
    query = {"project": ["other", "one", "two"], "kind": "volcano"}
    told = problem(fleet.get("/stacks", **query), 422, "validation_failed")
    assert pointers(told) == ["?project", "?project", "?kind"]


def test_a_filter_tells_nothing_of_what_one_cannot_see(fleet: Rest) -> None:
    outsider = fleet.as_member("viewer")
    for path, name, hidden in (("/stacks", "project", "other"), ("/operations", "stack", "files")):
        answers = [
            problem(outsider.get(path, **{name: value}), 422, "validation_failed")["detail"]
            for value in (hidden, "nowhere")
        ]
        assert answers[0].replace(hidden, "nowhere") == answers[1]


def test_the_next_page_is_of_the_same_list(fleet: Rest) -> None:
    query = {"kind": ["network", "bucket"], "sort": "created_at", "limit": "2"}
    first = fleet.get("/stacks", **query)
    link = first.headers["Link"].partition(">")[0].strip("<")
    second = fleet.call("GET", link)
    assert _names(first) + _names(second) == ["web", "web-2", "files"]


def test_a_list_of_values_has_an_end(fleet: Rest) -> None:
    many = [f"a{number}" for number in range(201)]
    told = problem(fleet.get("/stacks", name=many), 422, "validation_failed")
    assert pointers(told) == ["?name"]


def test_a_token_that_reads_stacks_may_filter_them_by_project(fleet: Rest) -> None:
    machine = fleet.as_token("stack:read")
    assert _names(machine.get("/stacks", project="other")) == ["files"]
    assert machine.get("/operations", project="other").status_code == 200
    told = problem(machine.get("/stacks", project="nowhere"), 422, "validation_failed")
    assert pointers(told) == ["?project"]
