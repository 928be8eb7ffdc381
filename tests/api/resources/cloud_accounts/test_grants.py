"""Who may use a cloud account and who sees it: granted to projects, held to everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from app.clock import utc_now
from app.models import CloudAccountProject
from tests.api.rest import Rest, pointers, problem

CREDENTIALS = {"endpoint": "http://127.0.0.1:1999/v1", "token": "t"}


def new(name: str = "practice", **more: Any) -> dict[str, Any]:
    return {"name": name, "cloud": "sandbox", "credentials": CREDENTIALS, **more}


def names(rest: Rest) -> list[str]:
    return [item["name"] for item in rest.get("/cloud-accounts").json["items"]]


def ask(rest: Rest, name: str, account: str, project: str = "default") -> Any:
    body = {"name": name, "cloud_account": account, "project": project}
    return rest.post("/networks", body)


@pytest.fixture
def other(rest: Rest) -> Rest:
    """The administrator of another project."""
    rest.make_project("other")
    return rest.as_member("admin", "other")


def test_an_account_is_for_nobody_until_it_is_granted(rest: Rest, other: Rest) -> None:
    made = rest.post("/cloud-accounts", new())
    assert made.json["projects"] == []
    told = problem(ask(rest, "web", "practice"), 422, "validation_failed")
    assert "not granted to project 'default'" in told["errors"][0]["message"]
    assert names(other) == ["sandbox"]
    granted = rest.patch("/cloud-accounts/practice", {"projects": ["other"]}, If_Match="*")
    assert granted.json["projects"] == ["other"]
    assert granted.headers["ETag"] != made.headers["ETag"]
    assert names(other) == ["sandbox", "practice"]
    assert ask(other, "web", "practice", "other").status_code == 202
    problem(ask(rest, "web", "practice"), 422, "validation_failed")


def test_an_account_that_is_not_granted_is_like_one_that_does_not_exist(
    rest: Rest, other: Rest
) -> None:
    made = rest.post("/cloud-accounts", new(projects=["default"])).json
    for reference in ("practice", made["id"]):
        here = problem(ask(other, "web", reference, "other"), 422, "validation_failed")
        unknown = "x" * len(reference)
        nowhere = problem(ask(other, "web", unknown, "other"), 422, "validation_failed")
        assert pointers(here) == pointers(nowhere) == ["/cloud_account"]
        assert str(here["errors"]).replace(reference, unknown) == str(nowhere["errors"])
        missing = problem(other.get(f"/cloud-accounts/{reference}"), 404, "not_found")
        gone = problem(other.get(f"/cloud-accounts/{unknown}"), 404, "not_found")
        assert missing["detail"].replace(reference, unknown) == gone["detail"]


def test_a_member_of_two_projects_uses_an_account_only_where_it_is_granted(
    rest: Rest, other: Rest
) -> None:
    rest.post("/cloud-accounts", new(projects=["default"]))
    member = f"/projects/default/members/{other.user}"
    answer = rest.call("PUT", member, json={"role": "operator"})
    assert answer.status_code in (200, 201), answer.text
    assert names(other) == ["sandbox", "practice"]
    assert ask(other, "web", "practice").status_code == 202
    problem(ask(other, "web", "practice", "other"), 422, "validation_failed")


def test_of_an_account_only_the_projects_that_one_sees_are_told(rest: Rest, other: Rest) -> None:
    rest.post("/cloud-accounts", new(projects=["default", "other"]))
    assert rest.get("/cloud-accounts/practice").json["projects"] == ["default", "other"]
    assert other.get("/cloud-accounts/practice").json["projects"] == ["other"]
    assert other.get("/cloud-accounts").json["items"][1]["projects"] == ["other"]
    assert other.get("/cloud-accounts/sandbox").json["projects"] == "all"


def test_a_grant_stays_while_stacks_of_the_project_are_on_the_account(rest: Rest) -> None:
    rest.post("/cloud-accounts", new(projects="all"))
    stack = ask(rest, "web", "practice").json["stack"]
    rest.make_project("other")
    for projects in ([], ["other"]):
        answer = rest.patch("/cloud-accounts/practice", {"projects": projects}, If_Match="*")
        told = problem(answer, 409, "conflict")
        assert told["context"]["stacks"] == [{"id": stack["id"], "name": "web"}]
        assert "'web' of project 'default'" in told["detail"]
    kept = rest.patch("/cloud-accounts/practice", {"projects": ["default"]}, If_Match="*")
    assert kept.json["projects"] == ["default"]
    assert rest.get("/cloud-accounts/practice").json["projects"] == ["default"]
    rest.set_stack(stack["id"], status="deleted", deleted_at=utc_now())
    assert rest.patch("/cloud-accounts/practice", {"projects": []}, If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("projects", "pointer"),
    [
        (["default", "nowhere"], "/projects/1"),
        ("default", "/projects"),
        (None, "/projects"),
        ([7], "/projects"),
        ({"all": True}, "/projects"),
        (["x" * 65], "/projects"),
        (["default"] * 1001, "/projects"),
        ("ALL", "/projects"),
    ],
)
def test_projects_that_can_be_none_are_named(rest: Rest, projects: Any, pointer: str) -> None:
    told = problem(rest.post("/cloud-accounts", new(projects=projects)), 422, "validation_failed")
    assert pointers(told) == [pointer]
    assert names(rest) == ["sandbox"]


def test_grants_are_in_the_trail_of_the_project(rest: Rest, other: Rest) -> None:
    rest.post("/cloud-accounts", new(projects=["other"]))
    rest.patch("/cloud-accounts/practice", {"projects": ["default"]}, If_Match="*")
    rest.patch("/cloud-accounts/practice", {"projects": ["default"]}, If_Match="*")
    items = other.get("/audit-events").json["items"]
    told = [item["action"] for item in items if item["action"].startswith("cloud_account.")]
    assert told == ["cloud_account.revoke", "cloud_account.grant"]
    changes = rest.get("/audit-events", action="cloud_account.change").json["items"]
    assert [item["detail"]["changed"] for item in changes] == [["projects"]]


def test_grants_go_with_the_project_and_with_the_account(rest: Rest) -> None:
    rest.make_project("passing")
    rest.post("/cloud-accounts", new(projects=["passing"]))
    assert rest.delete("/projects/passing", If_Match="*").status_code == 204
    assert rest.get("/cloud-accounts/practice").json["projects"] == []
    rest.patch("/cloud-accounts/practice", {"projects": ["default"]}, If_Match="*")
    assert rest.delete("/cloud-accounts/practice", If_Match="*").status_code == 204
    with rest.ctx.read() as session:
        assert session.query(CloudAccountProject).count() == 0
    made = rest.post("/cloud-accounts", new())
    assert made.json["projects"] == [], "another account of the name gets none of them"


def test_whoever_has_no_role_sees_no_account(rest: Rest) -> None:
    nobody = rest.as_member(None)
    assert names(nobody) == []
    problem(nobody.get("/cloud-accounts/sandbox"), 404, "not_found")
