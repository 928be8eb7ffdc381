"""An ETag changes whenever the body does, and every GET of one thing takes If-None-Match."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.rest import Rest, problem
from tests.api.walking import Described, find_real, operations

ONE_THING = [
    item for item in operations() if item.method == "GET" and item.fields() and not item.is_list
]


def test_every_get_of_one_thing_takes_if_none_match() -> None:
    assert len(ONE_THING) > 20
    assert [str(item) for item in ONE_THING if "If-None-Match" not in item.headers()] == []


@pytest.mark.parametrize("item", ONE_THING, ids=str)
def test_who_has_it_as_it_is_is_not_sent_it_again(reader: Rest, item: Described) -> None:
    path = find_real(reader, item.path)
    if path is None:
        pytest.skip("the lists show nothing of the kind")
    first = reader.get(path)
    if first.status_code != 200:
        pytest.skip("there is none of it")
    etag = first.headers["ETag"]
    again = reader.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == etag
    assert reader.get(path, headers={"If-None-Match": '"other"'}).json == first.json


@pytest.mark.parametrize(
    "columns",
    [
        {"drift_status": "drifted"},
        {"status_reason": "Something happened."},
        {"status": "needs_attention"},
        {"deletion_protection": True},
    ],
)
def test_what_changes_by_itself_changes_the_etag_and_keeps_nobody_from_a_change(
    rest: Rest, network: dict[str, Any], columns: dict[str, Any]
) -> None:
    path = f"/networks/{network['id']}"
    before = rest.get(path)
    rest.set_stack(network["id"], **columns)
    after = rest.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    answer = rest.patch(path, {"labels": {"a": "b"}}, If_Match=before.headers["ETag"])
    assert answer.status_code == 200
    problem(rest.patch(path, {}, If_Match=after.headers["ETag"]), 412, "precondition_failed")
    assert rest.get(path).headers["ETag"] == answer.headers["ETag"]


def test_the_etag_of_former_releases_is_taken(rest: Rest, network: dict[str, Any]) -> None:
    path = f"/networks/{network['id']}"
    version = rest.get(path).headers["ETag"].strip('"').partition(".")[0]
    assert rest.patch(path, {}, If_Match=f'"{version}"').status_code == 200


@pytest.mark.parametrize("etag", ['"1.x"', '"1."', '"1.0123456789abcde"', '".0123456789abcdef"'])
def test_what_is_nearly_an_etag_is_none(rest: Rest, network: dict[str, Any], etag: str) -> None:
    problem(rest.patch(f"/networks/{network['id']}", {}, If_Match=etag), 412, "precondition_failed")


def test_what_was_made_has_the_etag_that_it_is_shown_with(rest: Rest) -> None:
    hook = {"name": "x", "url": "https://hooks.example.com/x", "events": ["drift.found"]}
    for path, body in (("/projects", {"name": "other"}), ("/webhooks", hook)):
        made = rest.post(path, body)
        assert made.status_code == 201
        shown = rest.get(made.headers["Location"])
        assert shown.headers["ETag"] == made.headers.get("ETag", shown.headers["ETag"])
