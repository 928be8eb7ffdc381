"""Whatever goes wrong is told in one shape: application/problem+json with a stable code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from app import errors
from app.errors import LandformError
from app.services.access import HiddenError
from app.web.http_errors import problem_body, status_of
from app.web.request_limits import MAX_BODY_BYTES
from tests.api.rest import Rest, pointers, problem

GOOD = {"name": "web", "cloud_account": "sandbox"}


def _tree(cls: type[LandformError]) -> list[type[LandformError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in _tree(child))]


# Of the whole application, which is imported by now; tests have errors of their own.
CLASSES = [cls for cls in _tree(LandformError) if cls.__module__.startswith("app.")]


def _raw(rest: Rest, body: bytes | str, content_type: str = "application/json") -> Any:
    return rest.call("POST", "/networks", data=body, content_type=content_type)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_domain_error_has_a_status_and_the_whole_shape(
    reader: Rest, monkeypatch: pytest.MonkeyPatch, cls: type[LandformError]
) -> None:
    def fail(**_: Any) -> None:
        raise cls("It happened.")

    monkeypatch.setitem(reader.app.view_functions, "catalogue.Kinds", fail)
    body = problem(reader.get("/kinds"), status_of(cls("")), cls.code)
    assert body["detail"] == "It happened."
    assert body["title"] == cls.title


def test_every_code_belongs_to_one_meaning() -> None:
    codes = [cls.code for cls in CLASSES if cls not in (errors.UnexpectedError, HiddenError)]
    assert len(codes) == len(set(codes))


def test_a_problem_shows_what_the_error_lists(app: Flask) -> None:
    with app.test_request_context("/api/v1/x"):
        body = problem_body(errors.StackReferencedError("Used.", context={"stacks": [{"id": "s"}]}))
    assert body["context"] == {"stacks": [{"id": "s"}]}


@pytest.mark.parametrize(
    "path", ["/nothing", "/stacks/stk_none", "/operations/op_none", "/kinds/none", "/networks/x"]
)
def test_an_unknown_path_or_thing_is_not_found(reader: Rest, path: str) -> None:
    problem(reader.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/api/v1", "/api/v2/stacks"])
def test_unknown_paths_of_the_api_answer_problems_without_a_token(app: Flask, path: str) -> None:
    problem(app.test_client().get(path), 404, "not_found")


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "BREW"])
def test_a_wrong_method_names_the_right_ones(reader: Rest, method: str) -> None:
    answer = reader.call(method, "/networks")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_body_over_the_limit_is_refused(reader: Rest) -> None:
    body = json.dumps({**GOOD, "labels": {"a": "x" * MAX_BODY_BYTES}})
    problem(_raw(reader, body), 413, "body_too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_does_not_say_json_is_refused(reader: Rest, content_type: str) -> None:
    problem(_raw(reader, json.dumps(GOOD), content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"name": NaN}',
        b'{"name": -Infinity}',
        b"\xff\xfe{}",
        b'\xef\xbb\xbf{"name": "web"}',
        b"[" * 100_000,
    ],
    ids=["open", "words", "nan", "infinity", "utf-16", "bom", "very-deep"],
)
def test_a_body_that_is_not_json_is_malformed(reader: Rest, body: bytes) -> None:
    problem(_raw(reader, body), 400, "malformed_request")


def test_a_very_long_number_is_read_and_refused_where_it_stands(reader: Rest) -> None:
    told = problem(_raw(reader, b'{"name": ' + b"9" * 5000 + b"}"), 422, "validation_failed")
    assert "/name" in pointers(told)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("[]", ""),
        ("null", ""),
        ('"text"', ""),
        ('{"name": "a", "name": "b", "cloud_account": "sandbox"}', "/name"),
        ('{"parameters": {"zones": 1, "zones": 2}}', "/parameters/zones"),
        ('{"name": "a\\u0000b"}', "/name"),
        ('{"na\\u0000me": 1}', ""),
        ('{"labels": {"a": "\\ud800"}}', "/labels/a"),
        ('{"parameters": {"list": [1e999]}}', "/parameters/list/0"),
        ('{"parameters": ' + '{"a":' * 30 + "1" + "}" * 30 + "}", "/parameters" + "/a" * 19),
    ],
)
def test_a_body_that_no_field_can_hold_is_refused_with_its_place(
    reader: Rest, body: str, pointer: str
) -> None:
    assert pointers(problem(_raw(reader, body), 422, "validation_failed")) == [pointer]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", ["web"]),
        ("name", None),
        ("cloud_account", {}),
        ("project", 1),
        ("region", False),
        ("parameters", []),
        ("parameters", "zones"),
        ("parameters", None),
        ("labels", []),
        ("labels", {"a": 1}),
        ("labels", {"a": None}),
        ("auto_apply", "sometimes"),
        ("auto_apply", 1),
        ("drift", "daily"),
        ("drift", {"enabled": "yes"}),
        ("drift", {"enabled": 1}),
        ("drift", {"interval_seconds": 10**400}),
        ("drift", {"interval_seconds": 1.5}),
        ("drift", {"interval_seconds": True}),
        ("drift", {"cron": "61 * * * *"}),
        ("drift", {"cron": "* * * * * *"}),
        ("drift", {"cron": "@daily"}),
        ("drift", {"cron": "0 0 30 2 *"}),
        ("drift", {"cron": "* * * * *", "interval_seconds": 60}),
        ("drift", {"every": 1}),
        ("expires_at", "tomorrow"),
        ("expires_at", "2030-01-01T00:00:00"),
        ("expires_at", "9999-12-31T23:59:59-23:59"),
        ("expires_at", "0001-01-01T00:00:00+23:59"),
        ("expires_at", 1),
        ("deletion_protection", "true"),
        ("deletion_protection", 0),
        ("zone", "a"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_where_it_stands(
    reader: Rest, field: str, value: object
) -> None:
    answer = _raw(reader, json.dumps({**GOOD, field: value}))
    body = problem(answer, 422, "validation_failed")
    assert all(place.startswith(f"/{field}") for place in pointers(body)), body
    assert pointers(body)


def test_all_bad_fields_are_listed_at_once(reader: Rest) -> None:
    body = problem(reader.post("/networks", {"x": 1, "region": 2}), 422, "validation_failed")
    assert sorted(pointers(body)) == ["/cloud_account", "/name", "/region", "/x"]


@pytest.mark.parametrize("path", ["/stacks/%00", "/kinds/a%00b", "/operations/%00/log"])
def test_a_nul_in_a_path_names_nothing(reader: Rest, path: str) -> None:
    problem(reader.get(path), 404, "not_found")


@pytest.mark.parametrize("name", ["q", "cursor", "project", "label", "kind", "%00"])
def test_a_nul_in_a_query_is_refused_by_its_name(reader: Rest, name: str) -> None:
    body = problem(reader.call("GET", f"/stacks?{name}=a%00"), 422, "validation_failed")
    assert len(pointers(body)) == 1


def test_a_query_parameter_given_twice_is_refused(reader: Rest) -> None:
    body = problem(reader.call("GET", "/stacks?limit=1&limit=2"), 422, "validation_failed")
    assert pointers(body) == ["?limit"]


@pytest.mark.parametrize("path", ["/stacks/%FF%FE", "/stacks/" + "x" * 5000, "/kinds/%F0%9F%92%A9"])
def test_strange_ids_are_just_not_found(reader: Rest, path: str) -> None:
    problem(reader.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["operations/{}/approve", "operations/{}/cancel"])
def test_a_path_that_takes_no_body_refuses_fields(
    rest: Rest, network: dict[str, Any], path: str
) -> None:
    operation = rest.get(f"/stacks/{network['id']}/operations").json["items"][0]["id"]
    answer = rest.post("/" + path.format(operation), {"comment": "x"})
    assert pointers(problem(answer, 422, "validation_failed")) == ["/comment"]


def test_a_bug_is_told_without_its_traceback(rest: Rest, app: Flask) -> None:
    def crash(**_: Any) -> None:
        raise RuntimeError("secret-canary")

    app.view_functions["catalogue.Kinds"] = crash
    answer = rest.get("/kinds")
    problem(answer, 500, "internal_error")
    assert "canary" not in answer.text


def test_a_request_id_is_kept_and_a_hostile_one_replaced(reader: Rest) -> None:
    kept = reader.get("/kinds", headers={"X-Request-Id": "trace.7_a-B"})
    assert kept.headers["X-Request-Id"] == "trace.7_a-B"
    for hostile in ("", "a b", "<script>", "x" * 65, "é", "a;b"):
        answer = reader.get("/nothing", headers={"X-Request-Id": hostile})
        assert answer.headers["X-Request-Id"] != hostile
        problem(answer, 404, "not_found")


def test_a_database_that_is_gone_is_said(rest: Rest) -> None:
    rest.ctx.db.engine.dispose()
    if rest.ctx.settings.database_url:
        pytest.skip("its file is removed, so it must be SQLite")
    for path in rest.ctx.settings.home_dir.glob("landform.db*"):
        path.unlink()
    (rest.ctx.settings.home_dir / "landform.db").mkdir()
    answer = rest.get("/stacks")
    problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    "body",
    [
        "{" + ",".join(f'"k{number}":1' for number in range(80_000)) + "}",
        '{"labels":{' + ",".join(f'"k{number}":1' for number in range(80_000)) + "}}",
        '{"parameters":{"ports":[' + ",".join(["1"] * 400_000) + "]}}",
        "[" + ",".join(['{"a":1}'] * 100_000) + "]",
        '{"' + "x" * 900_000 + '":1}',
        '{"name":"' + "x" * 900_000 + '"}',
        '{"labels":{"' + "x" * 900_000 + '":"y"}}',
        "{" + ",".join(f'"k{number}":1' for number in range(499)) + "}",
    ],
    ids=["keys", "labels", "values", "objects", "long-key", "long-name", "long-label", "just-fits"],
)
def test_a_large_body_has_a_short_answer(reader: Rest, body: str) -> None:
    answer = _raw(reader, body)
    problem(answer, 422, "validation_failed")
    assert len(answer.data) < 20_000


def test_the_list_of_errors_is_cut_and_counted(reader: Rest) -> None:
    body = {**GOOD, **{f"k{number}": 1 for number in range(70)}}
    told = problem(reader.post("/networks", body), 422, "validation_failed")
    assert (len(told["errors"]), told["error_count"]) == (50, 70)
    few = problem(reader.post("/networks", {**GOOD, "k": 1}), 422, "validation_failed")
    assert "error_count" not in few


@pytest.mark.parametrize(
    "name", ["If-Match", "Idempotency-Key", "X-Request-Id", "Prefer", "Cookie"]
)
@pytest.mark.parametrize("value", ["x" * 8000, '"' + "9" * 8000 + '"', "a=b;" * 2000])
def test_long_headers_are_refused_or_ignored_and_never_repeated(
    reader: Rest, name: str, value: str
) -> None:
    answer = reader.call(
        "PATCH", "/projects/default", json={"title": "x"}, headers={"If-Match": "*", name: value}
    )
    assert answer.status_code in (200, 412, 422)
    assert len(answer.data) + sum(len(text) for _, text in answer.headers) < 8000
