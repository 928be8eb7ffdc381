"""Projects: made and deleted by administrators, changed by their own, invisible to others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.models import AuditEvent, Project, ProjectMember
from tests.api.rest import Rest, pointers, problem


def _made(rest: Rest, name: str = "shop", **more: Any) -> dict[str, Any]:
    answer = rest.post("/projects", {"name": name, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json or {})


def _actions(rest: Rest) -> list[str]:
    with rest.ctx.read() as session:
        query = select(AuditEvent.action).where(AuditEvent.object_type == "project")
        return list(session.scalars(query.order_by(AuditEvent.id)))[1:]  # one is of the setup


def test_a_project_is_made_shown_changed_and_deleted(rest: Rest) -> None:
    answer = rest.post("/projects", {"name": "shop", "title": "Shop"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == answer.json["links"]["self"]
    assert (answer.json["title"], answer.json["auto_apply"]) == ("Shop", "always")
    shown = rest.get(f"/projects/{answer.json['id']}")
    assert (shown.json, shown.headers["ETag"]) == (answer.json, answer.headers["ETag"])
    changed = rest.patch("/projects/shop", {"auto_apply": "never"}, If_Match=shown.headers["ETag"])
    assert (changed.json["auto_apply"], changed.json["title"]) == ("never", "Shop")
    assert changed.headers["ETag"] != shown.headers["ETag"]
    gone = rest.delete("/projects/shop", If_Match=changed.headers["ETag"])
    assert (gone.status_code, gone.data) == (204, b"")
    for reference in ("shop", answer.json["id"]):
        problem(rest.get(f"/projects/{reference}"), 404, "not_found")
        problem(rest.delete(f"/projects/{reference}", If_Match="*"), 404, "not_found")
    assert [item["name"] for item in rest.get("/projects").json["items"]] == ["default"]
    assert _actions(rest) == ["project.create", "project.change", "project.delete"]


def test_new_stacks_follow_the_rule_of_their_project(rest: Rest) -> None:
    _made(rest, auto_apply="never")
    stack = rest.create("buckets", "files", project="shop")["stack"]
    assert (stack["project"]["name"], stack["auto_apply"]) == ("shop", "never")


def test_a_change_that_changes_nothing_keeps_the_version(rest: Rest) -> None:
    _made(rest, title="Shop")
    answers = [rest.patch("/projects/shop", body, If_Match="*") for body in ({}, {"title": "Shop"})]
    assert {answer.headers["ETag"].partition(".")[0] for answer in answers} == {'"1'}
    assert _actions(rest) == ["project.create"]


def test_changing_and_deleting_need_the_present_version(rest: Rest) -> None:
    _made(rest)
    rest.patch("/projects/shop", {"title": "Newer"}, If_Match='"1"')
    problem(rest.patch("/projects/shop", {"title": "x"}), 428, "precondition_required")
    problem(rest.delete("/projects/shop"), 428, "precondition_required")
    for stale in ('"1"', '"x"', "1"):
        refused = rest.patch("/projects/shop", {"title": "x"}, If_Match=stale)
        problem(refused, 412, "precondition_failed")
        problem(rest.delete("/projects/shop", If_Match=stale), 412, "precondition_failed")
    assert rest.get("/projects/shop").json["title"] == "Newer"


def test_a_project_with_living_stacks_is_not_deleted(rest: Rest) -> None:
    _made(rest)
    stack = rest.create("buckets", "files", project="shop")["stack"]
    told = problem(rest.delete("/projects/shop", If_Match="*"), 409, "conflict")
    assert told["context"]["stacks"] == [{"id": stack["id"], "name": "files"}]
    operation = rest.get(f"/stacks/{stack['id']}/operations").json["items"][0]
    rest.end(operation["id"], stack_status="deleted")
    assert rest.delete("/projects/shop", If_Match="*").status_code == 204
    history = rest.get(f"/stacks/{stack['id']}").json
    assert history["status"] == "deleted"


def test_a_deleted_project_gives_its_name_free_and_its_members_nothing(rest: Rest) -> None:
    first = _made(rest)
    member = rest.as_member("admin", "shop")
    rest.delete("/projects/shop", If_Match="*")
    assert member.get("/projects").json["items"] == []
    second = _made(rest)
    assert second["id"] != first["id"]
    problem(member.get("/projects/shop"), 404, "not_found")
    assert rest.count(ProjectMember) == 0
    new = {"name": "web", "cloud_account": "sandbox", "project": first["id"]}
    told = problem(rest.post("/networks", new), 422, "validation_failed")
    assert pointers(told) == ["/project"]


def test_a_name_belongs_to_one_project(rest: Rest) -> None:
    _made(rest)
    told = problem(rest.post("/projects", {"name": "shop"}), 409, "name_taken")
    assert pointers(told) == ["/name"]


def test_making_a_project_is_safe_to_repeat(rest: Rest) -> None:
    answers = [rest.post("/projects", {"name": "shop"}, Idempotency_Key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[1].headers["Location"] == answers[0].headers["Location"]
    other = rest.post("/projects", {"name": "other"}, Idempotency_Key="one")
    problem(other, 422, "idempotency_mismatch")
    assert rest.count(Project) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "Shop"}, "/name"),
        ({"name": "a" * 41}, "/name"),
        ({"name": "prj_01"}, "/name"),
        ({"name": "shop\n"}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "shop", "title": "x" * 201}, "/title"),
        ({"name": "shop", "title": None}, "/title"),
        ({"name": "shop", "auto_apply": "sometimes"}, "/auto_apply"),
        ({"name": "shop", "id": "prj_mine"}, "/id"),
        ({"name": "shop", "drift": 7}, "/drift"),
        ({"name": "shop", "drift": {"enabled": "no"}}, "/drift/enabled"),
        ({"name": "shop", "drift": {"interval_seconds": 9}}, "/drift/interval_seconds"),
        ({"name": "shop", "drift": {"interval_seconds": "60"}}, "/drift/interval_seconds"),
        ({"name": "shop", "drift": {"interval_seconds": 10**12}}, "/drift/interval_seconds"),
        ({"name": "shop", "drift": {"cron": "sometimes"}}, "/drift/cron"),
        ({"name": "shop", "drift": {"cron": "* * * * * *"}}, "/drift/cron"),
        ({"name": "shop", "drift": {"cron": "* * * * *", "interval_seconds": 60}}, "/drift"),
        ({"name": "shop", "drift": {"follow_project": True}}, "/drift/follow_project"),
        ({"name": "shop", "version": 7}, "/version"),
    ],
)
def test_a_bad_project_is_refused_where_it_is_bad(
    reader: Rest, body: dict[str, Any], pointer: str
) -> None:
    told = problem(reader.post("/projects", body), 422, "validation_failed")
    assert pointers(told) == [pointer]


@pytest.mark.parametrize("field", ["name", "id", "version", "deleted_at", "created_at"])
def test_a_change_touches_nothing_but_title_and_rules(reader: Rest, field: str) -> None:
    refused = reader.patch("/projects/default", {field: "x"}, If_Match="*")
    assert pointers(problem(refused, 422, "validation_failed")) == [f"/{field}"]


def test_roles_decide_what_a_member_may_do_with_the_project(rest: Rest) -> None:
    for role, status in (("viewer", 403), ("operator", 403), ("admin", 200)):
        member = rest.as_member(role)
        assert member.get("/projects/default").status_code == 200
        changed = member.patch("/projects/default", {"title": role}, If_Match="*")
        assert changed.status_code == status
        refused = member.delete("/projects/default", If_Match="*")
        assert "project:manage" in problem(refused, 403, "permission_denied")["detail"]
        problem(member.post("/projects", {"name": "mine"}), 403, "permission_denied")
    assert rest.get("/projects/default").json["title"] == "admin"


def test_a_foreign_project_looks_like_a_missing_one(rest: Rest) -> None:
    foreign, member = _made(rest), rest.as_member("admin")
    assert [item["name"] for item in member.get("/projects").json["items"]] == ["default"]

    def told(reference: str) -> list[str]:
        path = f"/projects/{reference}"
        attempts = [
            member.get(path),
            member.patch(path, {"title": "x"}, If_Match="*"),
            member.delete(path, If_Match="*"),
        ]
        bodies = [problem(answer, 404, "not_found") for answer in attempts]
        for body in bodies:
            del body["request_id"]
        return [str(body).replace(reference, "…") for body in bodies]

    assert told(foreign["id"]) == told("shop") == told("nowhere")


def test_the_list_of_projects_comes_in_pages(rest: Rest) -> None:
    for number in range(3):
        _made(rest, f"p{number}")
    first = rest.get("/projects", limit=3).json
    second = rest.get("/projects", limit=3, cursor=first["next_cursor"]).json
    names = [item["name"] for item in (*first["items"], *second["items"])]
    assert names == ["p2", "p1", "p0", "default"]
    assert pointers(problem(rest.get("/projects", q="x"), 422, "validation_failed")) == ["?q"]


def test_stacks_are_watched_as_their_project_says(rest: Rest) -> None:
    made = _made(rest, drift={"interval_seconds": 7200})
    rest_of_it: dict[str, Any] = {"interval_seconds": 7200, "windows": []}
    assert made["drift"] == {**rest_of_it, "enabled": True, "cron": None}
    stack = rest.create("buckets", "files", project="shop")["stack"]
    assert stack["drift"]["interval_seconds"] == 7200
    assert stack["drift"]["follow_project"] is True
    body = {"drift": {"cron": "30 4 * * *", "enabled": False}}
    changed = rest.patch("/projects/shop", body, If_Match="*").json
    assert changed["drift"] == {**rest_of_it, "enabled": False, "cron": "30 4 * * *"}
    drift = rest.get(f"/stacks/{stack['id']}").json["drift"]
    assert (drift["cron"], drift["paused_by_project"]) == ("30 4 * * *", True)
    assert drift["next_check_at"] is None
    back = {"drift": {"interval_seconds": None, "enabled": True}}
    assert rest.patch("/projects/shop", back, If_Match="*").json["drift"] == {
        "enabled": True,
        "interval_seconds": None,
        "cron": None,
        "windows": [],
    }
    assert rest.get(f"/stacks/{stack['id']}").json["drift"]["interval_seconds"] == 900


def test_a_project_has_windows_in_which_its_stacks_are_checked(rest: Rest) -> None:
    day = (utc_now() + timedelta(days=2)).strftime("%a").lower()
    nightly = {"effect": "allow", "days": [day], "start": "00:00", "end": "04:00"}
    made = _made(rest, drift={"windows": [nightly]})
    assert made["drift"]["windows"] == [{**nightly, "timezone": "UTC"}]
    stack = rest.create("buckets", "files", project="shop")["stack"]
    opens_at = datetime.fromisoformat(stack["drift"]["next_check_at"])
    assert (opens_at.hour, opens_at.minute) == (0, 0)
    assert opens_at.strftime("%a").lower() == day
    same = {"drift": {"windows": [nightly]}}
    assert rest.patch("/projects/shop", same, If_Match="*").headers["ETag"].startswith('"1.')
    none: dict[str, Any] = {"drift": {"windows": []}}
    assert rest.patch("/projects/shop", none, If_Match="*").json["drift"]["windows"] == []
    soon = datetime.fromisoformat(rest.get(f"/stacks/{stack['id']}").json["drift"]["next_check_at"])
    assert soon < opens_at


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"effect": "maybe"}, "effect"),
        ({"days": []}, "days"),
        ({"days": ["monday"]}, "days/0"),
        ({"start": "24:00"}, "start"),
        ({"end": None}, "end"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"cloud": "aws"}, "cloud"),
    ],
)
def test_a_window_that_is_none_is_refused(rest: Rest, wrong: dict[str, Any], place: str) -> None:
    _made(rest)
    right = {"effect": "allow", "days": ["mon"], "start": "00:00", "end": "04:00"}
    body = {"drift": {"windows": [right, {**right, **wrong}]}}
    refused = rest.patch("/projects/shop", body, If_Match="*")
    told = problem(refused, 422, "validation_failed")
    assert pointers(told) == [f"/drift/windows/1/{place}"]
    many = rest.patch("/projects/shop", {"drift": {"windows": [right] * 21}}, If_Match="*")
    assert pointers(problem(many, 422, "validation_failed")) == ["/drift/windows"]


def test_a_drift_setting_that_changes_nothing_keeps_the_version(rest: Rest) -> None:
    _made(rest, drift={"interval_seconds": 60})
    same = {"drift": {"interval_seconds": 60, "enabled": True}}
    assert rest.patch("/projects/shop", same, If_Match="*").headers["ETag"].startswith('"1.')
    refused = rest.patch("/projects/shop", {"drift": {"cron": "never"}}, If_Match="*")
    assert pointers(problem(refused, 422, "validation_failed")) == ["/drift/cron"]


def test_a_stack_may_go_its_own_way_and_come_back(rest: Rest) -> None:
    _made(rest, drift={"interval_seconds": 7200})
    stack = rest.create("buckets", "files", project="shop")["stack"]
    path = f"/buckets/{stack['id']}"
    own = rest.patch(path, {"drift": {"interval_seconds": 60}}, If_Match="*").json["stack"]["drift"]
    assert (own["interval_seconds"], own["follow_project"]) == (60, False)
    both = {"drift": {"interval_seconds": 60, "follow_project": True}}
    problem(rest.patch(path, both, If_Match="*"), 422, "validation_failed")
    follow = {"drift": {"follow_project": True}}
    back = rest.patch(path, follow, If_Match="*").json["stack"]["drift"]
    assert (back["interval_seconds"], back["follow_project"]) == (7200, True)
