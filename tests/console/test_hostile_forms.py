"""Forms that no page of the console sends: text that hides, and fields without end."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.web.request_limits import MAX_FORM_FIELDS
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

HIDDEN = "a\u202eb"


def forms(app: Flask) -> list[str]:
    """The path of every form for people who are signed in."""
    return sorted(
        re.sub(r"<int:[^>]+>", "1", re.sub(r"<[a-z_]+>", "none_0", rule.rule))
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.endpoint.startswith("console.")
    )


@pytest.mark.parametrize("name", ["/name", "/labels", "/reason", "note", "made-up"])
def test_no_form_takes_text_that_is_not_what_it_looks_like(
    console_app: Flask, visitor: Visitor, name: str
) -> None:
    paths = forms(console_app)
    assert len(paths) > 40
    for path in paths:
        answer = visitor.post(path, {name: HIDDEN})
        assert answer.status_code == 422, path
        assert "U+202E (RIGHT-TO-LEFT OVERRIDE)" in answer.text, path


def test_labels_are_lines_and_a_reason_is_prose(visitor: Visitor, fleet: Fleet) -> None:
    stack = fleet.stack("web")
    answer = visitor.post(
        f"/stacks/{stack.stack_id}/lock", {"reason": "a long story:\r\n\tit moves"}
    )
    assert answer.status_code == 303
    spoilt = visitor.post("/settings/projects/new", {"/name": "other", "/title": "one\ntwo"})
    assert spoilt.status_code in (404, 422)


def test_a_form_of_a_hundred_thousand_fields_is_refused(
    visitor: Visitor, outsider: Visitor
) -> None:
    data = "&".join(f"f{number}=" for number in range(60_000))
    for who, path in ((visitor, "/settings/password"), (outsider, "/sign-in")):
        answer = who.client.post(path, data=data, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 422
        assert len(answer.text) < 50_000


def test_a_form_of_too_many_parts_is_refused(visitor: Visitor) -> None:
    parts = {f"f{number}": "x" for number in range(MAX_FORM_FIELDS + 1)}
    answer = visitor.post("/settings/password", parts, content_type="multipart/form-data")
    assert answer.status_code == 413
