"""Members of a project: who may give roles, and when they take effect."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.models import AuditEvent, User
from tests.api.rest import Rest, pointers, problem

MEMBERS = "/projects/default/members"


def _put(rest: Rest, user: str, role: object, project: str = "default") -> Any:
    return rest.call("PUT", f"/projects/{project}/members/{user}", json={"role": role})


def _id_of(rest: Rest, name: str) -> str:
    with rest.ctx.read() as session:
        return session.scalars(select(User.id).where(User.name == name)).one()


def test_a_role_takes_effect_at_the_next_request_and_so_does_its_loss(rest: Rest) -> None:
    nobody = rest.as_member(None)
    problem(nobody.get("/projects/default"), 404, "not_found")
    given = _put(rest, nobody.user, "viewer")
    assert given.status_code == 200
    assert given.json["user"] == {"id": _id_of(rest, nobody.user), "name": nobody.user}
    assert given.json["rights"] == ["project:read", "stack:read"]
    assert nobody.get("/projects/default").status_code == 200
    new = {"name": "web", "cloud_account": "sandbox"}
    problem(nobody.post("/networks", new), 403, "permission_denied")
    assert _put(rest, _id_of(rest, nobody.user), "operator").status_code == 200
    assert nobody.post("/networks", new).status_code == 202
    assert rest.delete(f"{MEMBERS}/{nobody.user}").status_code == 204
    problem(nobody.get("/projects/default"), 404, "not_found")
    problem(rest.delete(f"{MEMBERS}/{nobody.user}"), 404, "not_found")


def test_members_are_listed_with_their_roles(rest: Rest) -> None:
    members = [rest.as_member(role) for role in ("viewer", "admin")]
    shown = members[0].get(MEMBERS).json["items"]
    assert {(item["user"]["name"], item["role"]) for item in shown} == {
        (members[0].user, "viewer"),
        (members[1].user, "admin"),
    }
    first = rest.get(MEMBERS, limit=1).json
    second = rest.get(MEMBERS, limit=1, cursor=first["next_cursor"]).json
    assert first["items"] + second["items"] == shown
    assert second["next_cursor"] is None


def test_administrators_of_the_project_give_roles_and_others_do_not(rest: Rest) -> None:
    other = rest.as_member(None)
    for role in ("viewer", "operator"):
        member = rest.as_member(role)
        for answer in (
            _put(member, other.user, "viewer"),
            _put(member, member.user, "admin"),
            member.delete(f"{MEMBERS}/{member.user}"),
        ):
            assert "member:write" in problem(answer, 403, "permission_denied")["detail"]
    assert _put(rest.as_member("admin"), other.user, "admin").status_code == 200


def test_a_foreign_project_and_a_missing_one_look_alike(rest: Rest) -> None:
    rest.make_project("other")
    member = rest.as_member("admin", "other")

    def told(project: str) -> list[str]:
        path = f"/projects/{project}/members"
        attempts = [
            member.get(path),
            _put(member, member.user, "admin", project),
            member.delete(f"{path}/{member.user}"),
        ]
        bodies = [problem(answer, 404, "not_found") for answer in attempts]
        return [str(body["detail"]).replace(project, "…") for body in bodies]

    assert told("default") == told("nowhere")


@pytest.mark.parametrize("role", ["owner", "", None, 1, ["admin"], "ADMIN"])
def test_a_role_is_one_of_three(reader: Rest, role: object) -> None:
    told = problem(_put(reader, "admin", role), 422, "validation_failed")
    assert pointers(told) == ["/role"]


@pytest.mark.parametrize("user", ["nobody", "usr_none", "%FF", "a' OR 1=1 --"])
def test_only_a_user_becomes_a_member(reader: Rest, user: str) -> None:
    problem(_put(reader, user, "viewer"), 404, "not_found")


def test_giving_the_same_role_again_is_no_event(rest: Rest) -> None:
    member = rest.as_member("viewer")
    for role in ("viewer", "operator", "operator"):
        assert _put(rest, member.user, role).json["role"] == role
    rest.delete(f"{MEMBERS}/{member.user}")
    with rest.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.action.startswith("member."))
        found = [(event.action, event.detail["role"]) for event in session.scalars(query)]
    assert found == [("member.set", "operator"), ("member.remove", "operator")]
