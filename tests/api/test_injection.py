"""Hostile text in every field of a stack is kept literally, or refused with its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.rest import Rest, pointers, problem
from tests.services.engine.test_round_trip import CORPUS, REFUSED

HOSTILE = [*CORPUS, *(text for text, _ in REFUSED), "x" * 300, "a/../b", "..", "%2e%2e%2f", ""]
# Where the text goes, and the pointers that a refusal may name.
FIELDS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    "name": (lambda text: {"name": text}, "/name"),
    "project": (lambda text: {"project": text}, "/project"),
    "cloud_account": (lambda text: {"cloud_account": text}, "/cloud_account"),
    "region": (lambda text: {"region": text}, "/region"),
    "auto_apply": (lambda text: {"auto_apply": text}, "/auto_apply"),
    "expires_at": (lambda text: {"expires_at": text}, "/expires_at"),
    "cron": (lambda text: {"drift": {"cron": text}}, "/drift"),
    "label name": (lambda text: {"labels": {text: "x"}}, "/labels"),
    "label": (lambda text: {"labels": {"x": text}}, "/labels"),
    "field": (lambda text: {text: "x"}, ""),
    "reference": (lambda text: {"parameters": {"network": text}}, "/parameters/network"),
    "choice": (
        lambda text: {"parameters": {"network": "shared", "image": text}},
        "/parameters/image",
    ),
    "parameter": (lambda text: {"parameters": {"network": "shared", text: "x"}}, "/parameters"),
    "secret": (
        lambda text: {"parameters": {"network": "shared", "user_data": text}},
        "/parameters/user_data",
    ),
}


@pytest.fixture(scope="module")
def rest(make_reader: Callable[[], Rest]) -> Iterator[Rest]:
    rest = make_reader()
    rest.made("networks", "shared")
    return rest


def body_of(number: int, changes: dict[str, Any]) -> dict[str, Any]:
    parameters = {"network": "shared"}
    body = {"name": f"n{number}", "cloud_account": "sandbox", "parameters": parameters}
    return {**body, **changes}


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_text_is_kept_literally_or_refused_with_its_place(rest: Rest, field: str) -> None:
    change, pointer = FIELDS[field]
    for number, text in enumerate(HOSTILE):
        body = body_of(number, change(text))
        answer = rest.client.post(
            "/api/v1/machine-groups",
            data=json.dumps(body),
            content_type="application/json",
            headers=rest.headers,
        )
        if answer.status_code == 202:
            stack = answer.get_json()["stack"]
            rest.end(answer.get_json()["operation"]["id"], "applied", "deleted")
            _assert_kept(stack, field, text)
            continue
        assert 400 <= answer.status_code < 500, (field, text, answer.text)
        told = answer.get_json(force=True)
        assert told["code"] in ("validation_failed", "malformed_request"), (text, told)
        if told["code"] == "validation_failed":
            assert pointers(told), (text, told)
            assert all(item.startswith(pointer) for item in pointers(told)), (text, told)


def _assert_kept(stack: dict[str, Any], field: str, text: str) -> None:
    if field == "name":
        assert stack["name"] == text
    elif field == "label":
        assert stack["labels"]["x"] == text
    elif field == "secret":
        assert stack["parameters"]["user_data"] == "********"
    elif field == "label name":
        assert stack["labels"] == {text: "x"}
    else:
        raise AssertionError(f"{field} took {text!r}")


START = b'{"name": "a", "cloud_account": "sandbox", "parameters": '


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a", "cloud_account": "sandbox", "parameters": {"zones": 1e400}}',
        b'{"name": "a", "cloud_account": "sandbox", "parameters": {"zones": -1e400}}',
        b'{"name": "a", "cloud_account": "sandbox", "parameters": {"zones": NaN}}',
        b'{"name": "a", "cloud_account": "sandbox", "parameters": {"zones": ' + b"9" * 5000 + b"}}",
        b'{"name": "a", "cloud_account": "sandbox", "parameters": '
        + b"[" * 500
        + b"]" * 500
        + b"}",
        b'{"name": "a", "cloud_account": "sandbox", "parameters": '
        + b'{"a":' * 30
        + b"1"
        + b"}" * 31,
        b'{"name": "a", "cloud_account": "sandbox", "parameters": {"__proto__": {"zones": 3}}}',
        b'{"name": "a", "cloud_account": "sandbox", "__proto__": {"auto_apply": "never"}}',
        b'{"name": "a", "cloud_account": "sandbox", "parameters": {"zones": 1, "zones": 2}}',
        b'{"name": "\xff", "cloud_account": "sandbox"}',
        b'\xef\xbb\xbf{"name": "a", "cloud_account": "sandbox"}',
    ],
)
def test_json_that_readers_disagree_about_is_refused(rest: Rest, body: bytes) -> None:
    answer = rest.client.post(
        "/api/v1/networks", data=body, content_type="application/json", headers=rest.headers
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.get_json(force=True)["code"] in ("malformed_request", "validation_failed")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/networks/..%2f..%2fetc%2fpasswd",
            "/networks/%2e%2e/%2e%2e/etc/passwd",
            "/kinds/..%2f..",
        ),
        *("/stacks/..%5c..%5cx", "/stacks/%00", "/stacks/'; DROP TABLE stacks; --", "/kinds/${x}"),
        *("/kinds/network?version=../1.0.0", "/operations/..%2f..%2fx", "/clusters/%F0%9F%9A%80"),
    ],
)
def test_a_path_leads_nowhere_but_to_what_there_is(rest: Rest, path: str) -> None:
    assert problem(rest.call("GET", path), 404, "not_found")
    assert rest.get("/networks").get_json()["items"][-1]["name"] == "shared"


def test_no_text_of_a_request_reads_a_file_of_the_host(rest: Rest, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("host-file-canary-8c1e")
    for text in (f'${{file("{canary}")}}', f"@{canary}", f"file://{canary}", str(canary)):
        for field, (change, _) in FIELDS.items():
            answer = rest.post("/machine-groups", body_of(0, change(text)))
            assert "host-file-canary" not in answer.text, (field, text)
            if answer.status_code == 202:
                rest.end(answer.get_json()["operation"]["id"], "applied", "deleted")
