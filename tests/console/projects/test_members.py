"""Members of a project: who gives which role, and takes it away."""

from __future__ import annotations

from flask import Flask

from app.services.context import Context
from tests.console.conftest import OTHER, Visitor
from tests.console.fleet_examples import Fleet
from tests.console.people import id_of, project_id, role_of
from tests.console.test_pages import ATTACK


def test_roles_are_given_changed_and_taken(visitor: Visitor, viewer: Visitor, ctx: Context) -> None:
    vera, one = id_of(ctx, "vera"), f"/settings/projects/{project_id(ctx)}"
    form = {"/user": "vera", "/role": "operator"}
    assert visitor.post(f"{one}/members", form).status_code == 303
    assert role_of(ctx, vera) == "operator"
    assert visitor.post(f"{one}/members/{vera}/remove").status_code == 303
    assert role_of(ctx, vera) is None
    assert visitor.post(f"{one}/members/{vera}/remove").status_code == 404
    response = visitor.post(f"{one}/members", {"/user": ATTACK, "/role": "viewer"})
    assert response.status_code == 422
    assert "There is no user" in response.text
    assert ATTACK not in response.text
    assert visitor.post("/settings/projects/none/members", form).status_code == 404


def test_an_admin_of_a_project_manages_its_members_only(
    console_app: Flask, fleet: Fleet, ctx: Context
) -> None:
    fleet.member("paula", OTHER, "admin")
    fleet.member("vera", OTHER, None)
    paula = Visitor(console_app.test_client())
    paula.sign_in("paula", OTHER)
    one = f"/settings/projects/{project_id(ctx)}"
    assert "Add member" in paula.text(one)
    form = {"/user": "vera", "/role": "viewer"}
    assert paula.post(f"{one}/members", form).status_code == 303
    assert paula.get("/settings/users").status_code == 403
