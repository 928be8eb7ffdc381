"""Drift over the API: reports and findings as clients see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.clock import utc_now
from app.models import DriftDay, Schedule, Stack
from app.services.drift.trend import count_today
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
        answer = rest.get("/drift/findings", **{name: wrong})
        if name in ("project", "stack", "kind", "cloud"):
            assert pointers(problem(answer, 422, "validation_failed")) == [f"?{name}"]
        else:
            assert answer.json["items"] == [], name
    bad = problem(rest.get("/drift/findings", change="moved"), 422, "validation_failed")
    assert pointers(bad) == ["?change"]


def test_the_etag_of_a_finding_moves_with_what_is_known_of_it(rest: Rest, stack: Stack) -> None:
    check(rest.ctx, stack, change(size=2))
    (item,) = rest.get("/drift/findings").json["items"]
    path = f"/drift/findings/{item['id']}"
    etag = rest.get(path).headers["ETag"]
    assert rest.get(path, headers={"If-None-Match": etag}).status_code == 304
    rest.post(f"{path}/acknowledge")
    known = rest.get(path).headers["ETag"]
    assert known != etag
    check(rest.ctx, stack, change(size=3))
    assert rest.get(path).headers["ETag"] not in (etag, known)


def test_the_fleet_is_filtered(rest: Rest, stack: Stack) -> None:
    other = rest.made("buckets", "media")
    check(rest.ctx, stack, change(size=2))

    def names(**query: str) -> list[str]:
        return [item["stack"]["name"] for item in rest.get("/drift", **query).json["items"]]

    assert names() == ["media", "web"]
    assert names(status="drifted") == names(kind="network") == ["web"]
    assert names(status="not_checked", cloud="sandbox", project="default") == [other["name"]]
    assert names(cloud="aws") == []
    for unknown in ("project", "kind", "cloud"):
        told = problem(rest.get("/drift", **{unknown: "nothing"}), 422, "validation_failed")
        assert pointers(told) == [f"?{unknown}"]
    causes = {"group": "cause", "kind": "bucket"}
    assert rest.get("/drift", **causes).json["items"] == []
    bad = problem(rest.get("/drift", status="lost"), 422, "validation_failed")
    assert pointers(bad) == ["?status"]


def test_nobody_sees_findings_of_projects_in_which_he_has_no_role(rest: Rest, stack: Stack) -> None:
    report = check(rest.ctx, stack, change(size=2))
    outsider = rest.as_member(None)
    assert outsider.get("/drift/findings").json["items"] == []
    (item,) = rest.get("/drift/findings").json["items"]
    problem(outsider.get(f"/drift/findings/{item['id']}"), 404, "not_found")
    problem(outsider.get(f"/stacks/{stack.id}/drift-reports/{report.id}"), 404, "not_found")


def test_the_fleet_is_grouped_by_what_probably_caused_it(rest: Rest, stack: Stack) -> None:
    with rest.ctx.read() as session:
        other = session.get_one(Stack, rest.made("networks", "second")["id"])
    check(rest.ctx, stack, change(**{"rule[0].port": 1}), change("deleted", "a_b.two"))
    check(rest.ctx, other, change(address="a_b.three", **{"rule[4].port": 9}))
    shown = rest.get("/drift", group="cause").json
    assert shown["counts"]["drifted"] == 2
    deleted, moved = (item["cause"] for item in shown["items"])
    assert (moved["stacks"], moved["findings"], moved["paths"]) == (2, 2, ["rule[*].port"])
    assert (deleted["change"], deleted["stacks"], deleted["paths"]) == ("deleted", 1, [])
    first = rest.get("/drift", group="cause", limit="1").json
    second = rest.get("/drift", group="cause", cursor=first["next_cursor"]).json
    assert [*first["items"], *second["items"]] == shown["items"]
    rest.post("/drift/rules", {"project": "default", "reason": "known", "path": "rule*"})
    assert len(rest.get("/drift", group="cause").json["items"]) == 1
    assert rest.get("/drift", group="cause", kind="bucket").json["items"] == []
    (item,) = rest.get("/drift", status="drifted", project="default").json["items"]
    assert (item["stack"]["id"], item["cause"]) == (stack.id, None)


def test_the_trend_has_the_end_of_each_day_and_today_as_it_is_now(rest: Rest, stack: Stack) -> None:
    today = utc_now().date()
    with rest.ctx.write() as session:
        for age, drifted in ((1, 5), (29, 3), (30, 7), (500, 9)):
            day = today - timedelta(days=age)
            session.add(DriftDay(project_id=stack.project_id, day=day, drifted=drifted))
    check(rest.ctx, stack, change(size=2))
    trend = rest.get("/drift").json["trend"]
    assert [day["counts"]["drifted"] for day in trend] == [3, 5, 1]
    assert trend[-1]["day"] == today.isoformat()
    assert rest.as_member(None).get("/drift").json["trend"][:-1] == []
    count_today(rest.ctx)
    count_today(rest.ctx)
    with rest.ctx.read() as session:
        assert session.get_one(DriftDay, (stack.project_id, today)).drifted == 1
        long_ago = today - timedelta(days=500)
        assert session.get(DriftDay, (stack.project_id, long_ago)) is None


def test_many_are_checked_once_and_only_where_the_caller_may(rest: Rest, stack: Stack) -> None:
    paused = rest.made("buckets", "quiet")["id"]
    with rest.ctx.write() as session:
        session.get_one(Schedule, paused).is_enabled = False
        session.get_one(Schedule, stack.id).next_check_at = utc_now() + timedelta(hours=1)
    nothing = {"due": 0, "already_queued": 0, "not_watched": 0}
    assert rest.post("/drift/checks", {"filter": {"kind": "cluster"}}).json == nothing
    assert rest.post("/drift/checks").json == {**nothing, "due": 1, "not_watched": 1}
    with rest.ctx.read() as session:
        assert session.get_one(Schedule, stack.id).next_check_at <= utc_now()
    rest.post(f"/stacks/{stack.id}/operations", {"type": "drift_check"})
    only = {"filter": {"stack": stack.id}}
    assert rest.post("/drift/checks", only).json == {**nothing, "already_queued": 1}
    problem(rest.as_member("viewer").post("/drift/checks"), 403, "permission_denied")
    rest.make_project("other")
    assert rest.as_member("operator", "other").post("/drift/checks").json == nothing
    bad = problem(rest.post("/drift/checks", {"filter": {"x": 1}}), 422, "validation_failed")
    assert pointers(bad) == ["/filter/x"]
