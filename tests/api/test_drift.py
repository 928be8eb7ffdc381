"""Drift over the API: reports and findings as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Stack
from tests.api.rest import Rest, pointers, problem
from tests.drifting import change, check


@pytest.fixture
def stack(rest: Rest, network: dict[str, Any]) -> Stack:
    with rest.ctx.read() as session:
        return session.get_one(Stack, network["id"])


def test_a_report_shows_each_change_with_what_is_known_of_its_story(
    rest: Rest, stack: Stack
) -> None:
    report = check(rest.ctx, stack, change(size=2), change("created", None))
    shown = rest.get(f"/stacks/{stack.id}/drift-reports/{report.id}").json
    assert (shown["status"], shown["tag_search"]["status"]) == ("drifted", "done")
    updated, created = shown["changes"]
    assert updated["finding_id"].startswith("df_")
    assert (updated["severity"], updated["mending"]) == ("medium", "update")
    assert updated["first_seen_at"] == shown["checked_at"]
    assert (updated["acknowledged"], updated["hidden_by"]) == (None, None)
    assert (created["address"], created["resource_id"]) == (None, "b-1")
    assert rest.get(f"/stacks/{stack.id}/drift-reports").json["items"] == [shown]
    problem(rest.get(f"/stacks/{stack.id}/drift-reports/dr_none"), 404, "not_found")
    other = rest.made("buckets", "media")
    problem(rest.get(f"/stacks/{other['id']}/drift-reports/{report.id}"), 404, "not_found")


def test_a_report_of_before_findings_were_kept_is_still_shown(rest: Rest, stack: Stack) -> None:
    report = check(rest.ctx, stack, change(size=2))
    old = {"address": "a_b.this", "name": "this", "type": "a_b", "change": "updated",
           "attributes": [], "severity": "high"}  # fmt: skip
    with rest.ctx.write() as session:
        session.merge(report).changes = [old]
    (shown,) = rest.get(f"/stacks/{stack.id}/drift-reports/{report.id}").json["changes"]
    assert (shown["severity"], shown["finding_id"], shown["first_seen_at"]) == ("high", None, None)


def test_findings_are_listed_open_or_gone_and_by_filters(rest: Rest, stack: Stack) -> None:
    check(rest.ctx, stack, change(size=2), change("deleted", "a_b.other"))
    check(rest.ctx, stack, change(size=2))
    (item,) = rest.get("/drift/findings").json["items"]
    assert (item["change"], item["returns"], item["gone_since"]) == ("updated", 0, None)
    assert item["stack"] == {
        "id": stack.id, "name": "web", "kind": "network", "cloud": "sandbox", "region": "eu-west",
        "project": {"id": stack.project_id, "name": "default"},
    }  # fmt: skip
    assert rest.get(f"/drift/findings/{item['id']}").json == item
    (gone,) = rest.get("/drift/findings", gone="true").json["items"]
    assert gone["change"] == "deleted"
    fitting = {"project": "default", "stack": stack.id, "kind": "network", "cloud": "sandbox",
               "type": "a_b", "change": "updated", "severity": "medium", "cause": item["cause"],
               "hidden": "false", "acknowledged": "false"}  # fmt: skip
    assert rest.get("/drift/findings", **fitting).json["items"] == [item]
    for name in fitting:
        other = {"change": "created", "severity": "low", "hidden": "true", "acknowledged": "true"}
        wrong = other.get(name, "nothing")
        assert rest.get("/drift/findings", **{name: wrong}).json["items"] == [], name
    bad = problem(rest.get("/drift/findings", change="moved"), 422, "validation_failed")
    assert pointers(bad) == ["?change"]


def test_nobody_sees_findings_of_projects_in_which_he_has_no_role(rest: Rest, stack: Stack) -> None:
    report = check(rest.ctx, stack, change(size=2))
    stranger = rest.as_member(None)
    assert stranger.get("/drift/findings").json["items"] == []
    (item,) = rest.get("/drift/findings").json["items"]
    problem(stranger.get(f"/drift/findings/{item['id']}"), 404, "not_found")
    problem(stranger.get(f"/stacks/{stack.id}/drift-reports/{report.id}"), 404, "not_found")
