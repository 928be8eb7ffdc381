"""What holds for every operation alike: each test walks the document, later operations included."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.api.rest import Rest, pointers, problem
from tests.api.states import keep_state, state_bytes
from tests.api.walking import DOCUMENT, Described, find_real, methods_of, operations

ALL = operations()
WITH_BODY = [item for item in ALL if item.example is not None]
STATE = "/state"  # takes the bytes of a file, not fields
WITH_FIELDS = [item for item in WITH_BODY if not item.path.endswith(STATE)]
GETS = [item for item in ALL if item.method == "GET"]
LISTS = [item for item in ALL if item.is_list]
SINGLES = [item for item in GETS if not item.is_list and item.fields()]
CHANGES = [item for item in ALL if "If-Match" in item.headers()]
LARGE = 17 * 1024 * 1024
CHANGES_ALL_THE_TIME = {"Date", "X-Request-Id", "RateLimit-Remaining", "RateLimit-Reset"}


def walk(items: list[Described]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("item", items, ids=str)


@pytest.fixture(scope="module")
def fleet(make_reader: Callable[[], Rest]) -> Rest:
    """Some of everything that the example of a POST can make."""
    rest = make_reader()
    for item in ALL:
        if item.method == "POST" and not item.names and "/auth/" not in item.path:
            rest.call("POST", item.path, json=item.example)  # what is refused is not in the fleet
    rest.made("networks", "net-1")
    stack = rest.made("networks", "net-2")
    keep_state(rest, stack["id"], state_bytes(1, {"a": "1"}))
    keep_state(rest, stack["id"], state_bytes(2, {"a": "2"}))
    rest.call("PUT", f"/stacks/{stack['id']}/lock", json={"reason": "to be walked"})
    return rest


def ask(rest: Rest, item: Described, body: bytes, content_type: str) -> TestResponse:
    """Send ``body`` to something that does not exist, with all headers that are needed."""
    headers = {"If-Match": "*"} if item in CHANGES else {}
    return rest.call(
        item.method, item.nowhere, data=body, content_type=content_type, headers=headers
    )


@walk([item for item in ALL if not item.is_open])
def test_without_a_token_nothing_is_said(reader: Rest, item: Described) -> None:
    answer = reader.client.open(item.nowhere, method=item.method, json=item.example)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="landform"'


@walk([item for item in ALL if item.names])
def test_what_does_not_exist_is_not_found(reader: Rest, item: Described) -> None:
    body = json.dumps(item.example).encode() if item.example is not None else b""
    problem(ask(reader, item, body, "application/json"), 404, "not_found")


@walk(WITH_BODY)
def test_a_body_that_is_no_json_is_malformed(reader: Rest, item: Described) -> None:
    if not item.path.endswith(STATE):
        problem(ask(reader, item, b"{", "application/json"), 400, "malformed_request")


@walk(WITH_BODY)
def test_a_body_that_does_not_say_json_is_refused(reader: Rest, item: Described) -> None:
    problem(ask(reader, item, b"{}", "text/plain"), 415, "unsupported_media_type")


@walk(WITH_BODY)
def test_a_body_over_the_limit_is_refused(reader: Rest, item: Described) -> None:
    answer = ask(reader, item, b" " * LARGE, "application/json")
    problem(answer, 413, "body_too_large")


@walk(WITH_FIELDS)
def test_a_body_just_over_a_mebibyte_is_refused(reader: Rest, item: Described) -> None:
    body = json.dumps({**item.example, "x": "x" * 1024 * 1024}).encode()
    problem(ask(reader, item, body, "application/json"), 413, "body_too_large")


@walk(WITH_FIELDS)
def test_an_unknown_field_is_refused_by_its_name(reader: Rest, item: Described) -> None:
    body = json.dumps({**item.example, "colour": "red"}).encode()
    told = problem(ask(reader, item, body, "application/json"), 422, "validation_failed")
    assert "/colour" in pointers(told)


@walk(WITH_FIELDS)
def test_a_body_that_is_nested_too_deep_is_refused(reader: Rest, item: Described) -> None:
    body = b'{"colour": ' + b"[" * 30 + b"]" * 30 + b"}"
    problem(ask(reader, item, body, "application/json"), 422, "validation_failed")


@walk(CHANGES)
def test_a_change_needs_the_version_that_it_is_about(reader: Rest, item: Described) -> None:
    without = reader.call(item.method, item.nowhere, json=item.example)
    problem(without, 428, "precondition_required")
    for strange in ("7", '"x"', 'W/"1"', '"1", "2"', ""):
        answer = reader.call(
            item.method, item.nowhere, json=item.example, headers={"If-Match": strange}
        )
        problem(answer, 412, "precondition_failed")


@walk(CHANGES)
def test_a_change_of_an_old_version_is_refused(fleet: Rest, item: Described) -> None:
    path = find_real(fleet, item.path)
    if path is None:
        pytest.skip("the lists of the fleet show no such thing")
    answer = fleet.call(item.method, path, json=item.example, headers={"If-Match": '"999999"'})
    problem(answer, 412, "precondition_failed")


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_a_wrong_method_names_the_right_ones(reader: Rest, path: str) -> None:
    right = methods_of(path)
    for method in {"TRACE", "BREW", "PUT", "POST", "DELETE", "PATCH"} - set(right.split(", ")):
        answer = reader.call(method, path.replace("{serial}", "1"))
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == right


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_options_tells_the_methods_and_nothing_else(reader: Rest, path: str) -> None:
    answer = reader.client.options(path.replace("{serial}", "1"))
    assert (answer.status_code, answer.data) == (200, b"")
    assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == methods_of(path)


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_no_other_site_may_read_an_answer(reader: Rest, path: str) -> None:
    origin = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    for method in ("OPTIONS", "GET"):
        answer = reader.call(method, path.replace("{serial}", "1"), headers=origin)
        assert not [n for n, _ in answer.headers.items() if n.startswith("Access-Control")]


@walk(GETS)
def test_head_is_get_without_the_body(fleet: Rest, item: Described) -> None:
    path = find_real(fleet, item.path) or item.nowhere
    got, head = fleet.call("GET", path), fleet.call("HEAD", path)
    assert head.data == b""
    assert head.status_code == got.status_code

    def kept(answer: TestResponse) -> dict[str, str]:
        return {k: v for k, v in answer.headers.items() if k not in CHANGES_ALL_THE_TIME}

    assert kept(head) == kept(got)


@walk(GETS)
def test_an_answer_has_the_headers_that_the_document_names(fleet: Rest, item: Described) -> None:
    path = find_real(fleet, item.path)
    if path is None:
        pytest.skip("the lists of the fleet show no such thing")
    answer = fleet.call("GET", path)
    told = set(item.answer(answer.status_code).get("headers", {}))
    for name in told - {"Link", "Retry-After", "Preference-Applied"}:  # where they apply
        assert answer.headers[name], name
    assert answer.headers["X-Request-Id"]
    assert int(answer.headers["RateLimit-Remaining"]) < int(answer.headers["RateLimit-Limit"])
    assert int(answer.headers["RateLimit-Reset"]) > 0


@walk(SINGLES)
def test_a_single_thing_has_an_etag_that_saves_asking_again(fleet: Rest, item: Described) -> None:
    path = find_real(fleet, item.path)
    if path is None:
        pytest.skip("the lists of the fleet show no such thing")
    answer = fleet.call("GET", path)
    if answer.status_code == 404:
        pytest.skip("the thing in the fleet has none of these")
    assert answer.headers["ETag"].startswith('"'), "a strong one, which If-Match can take"
    if "If-None-Match" in item.headers():
        again = fleet.call("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]
        other = fleet.call("GET", path, headers={"If-None-Match": '"other"'})
        assert other.status_code == 200


@walk(LISTS)
def test_a_list_is_cut_into_pages_that_are_linked(fleet: Rest, item: Described) -> None:
    path = find_real(fleet, item.path)
    if path is None:
        pytest.skip("the lists of the fleet show no such thing")
    whole = fleet.get(path).json
    assert isinstance(whole["items"], list)
    if "limit" not in {parameter["name"] for parameter in item.operation["parameters"]}:
        assert whole["next_cursor"] is None, "it can only be had as a whole"
        return
    first = fleet.get(path, limit=1)
    assert first.json["items"] == whole["items"][:1]
    cursor = first.json["next_cursor"]
    assert (cursor is not None) is (len(whole["items"]) > 1)
    assert ("Link" in first.headers) is (cursor is not None)
    if cursor is not None:
        link = first.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
        assert fleet.call("GET", link).json["items"] == whole["items"][1:2]


@walk(LISTS)
def test_a_list_refuses_what_it_does_not_know(fleet: Rest, item: Described) -> None:
    path = find_real(fleet, item.path)
    if path is None:
        pytest.skip("the lists of the fleet show no such thing")
    names = {parameter["name"] for parameter in item.operation["parameters"]}
    wrong = {"colour": "red"}
    if "limit" in names:
        wrong |= {"limit": "201", "cursor": "nonsense"}
    for name, value in wrong.items():
        told = problem(fleet.get(path, **{name: value}), 422, "validation_failed")
        assert pointers(told) == [f"?{name}"]
