"""No field of any body takes text that is not what it looks like: every string is tried."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.free_text import OUTSIDE, PASSWORDS
from tests.api.rest import Rest, pointers, problem
from tests.api.walking import Described, operations

HOSTILE = "a\u202eb"
WITH_FIELDS = [item for item in operations() if item.example and not item.path.endswith("/state")]
Path = tuple[str | int, ...]


def strings(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where the strings of an example are."""
    if isinstance(value, str):
        yield path
    pairs = value.items() if isinstance(value, dict) else ()
    for key, item in [*pairs, *(enumerate(value) if isinstance(value, list) else ())]:
        yield from strings(item, (*path, key))


def spoilt(example: Any, path: Path) -> Any:
    body = copy.deepcopy(example)
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = HOSTILE
    return body


@pytest.mark.parametrize("item", WITH_FIELDS, ids=str)
def test_every_text_of_every_body_is_held_to_the_rule(reader: Rest, item: Described) -> None:
    headers = {"If-Match": "*"} if "If-Match" in item.headers() else {}
    tried = [
        path
        for path in strings(item.example)
        if path[0] not in OUTSIDE and path[-1] not in PASSWORDS
    ]
    for path in tried:
        answer = reader.call(
            item.method, item.nowhere, json=spoilt(item.example, path), headers=headers
        )
        told = problem(answer, 422, "validation_failed")
        assert "/" + "/".join(map(str, path)) in pointers(told), told
        assert "U+202E" in json.dumps(told["errors"])


def test_the_name_of_a_field_is_held_to_the_rule(reader: Rest) -> None:
    body = {"name": "web", "cloud_account": "sandbox", "labels": {"te\u200bam": "web"}}
    told = problem(reader.post("/networks", body), 422, "validation_failed")
    assert pointers(told) == ["/labels"]
