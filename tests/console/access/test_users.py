"""Users: invited with a role, refused with what is wrong; who may not see them."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.models import AuditEvent, User
from app.services.context import Context
from tests.console.conftest import OTHER, Visitor
from tests.console.people import EDITS, id_of, project_id, role_of
from tests.console.test_pages import ATTACK


def test_an_administrator_invites_a_colleague_with_a_role(
    visitor: Visitor, console_app: Flask, ctx: Context
) -> None:
    form = {"/name": "otto", "/password": OTHER, "/project": "default", "/role": "operator"}
    response = visitor.post("/settings/users/new", form)
    assert response.status_code == 303
    assert "User created." in visitor.text(response.location)
    assert role_of(ctx, id_of(ctx, "otto")) == "operator"
    otto = Visitor(console_app.test_client())
    assert otto.sign_in("otto", OTHER).status_code == 303
    assert "New stack" in otto.text("/stacks")


def test_a_role_that_does_not_exist_makes_nobody(visitor: Visitor, ctx: Context) -> None:
    form = {"/name": "otto", "/password": OTHER, "/project": "default", "/role": "king"}
    response = visitor.post("/settings/users/new", form)
    assert response.status_code == 422
    assert "Choose one of the listed options." in response.text
    with ctx.read() as session:
        assert session.scalar(select(User).where(User.name == "otto")) is None


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("Otto!", OTHER, "A user name has"),
        ("otto", "short", "Must have at least"),
        ("admin", OTHER, "belongs to somebody"),
        (ATTACK, OTHER, "A user name has"),
        ("", "", "A user name has"),
    ],
)
def test_a_refused_user_comes_back_with_what_is_wrong(
    visitor: Visitor, name: str, password: str, said: str
) -> None:
    response = visitor.post("/settings/users/new", {"/name": name, "/password": password})
    assert response.status_code in (409, 422)
    assert said in response.text
    assert ATTACK not in response.text
    assert password == "" or f'value="{password}"' not in response.text


def test_a_viewer_sees_no_users_and_is_refused_and_audited(viewer: Visitor, ctx: Context) -> None:
    page = viewer.text("/settings")
    assert "/settings/users" not in page
    admin_id = id_of(ctx, "admin")
    for path in ("/settings/users", "/settings/users/new", f"/settings/users/{admin_id}/delete"):
        assert viewer.get(path).status_code == 403, path
    for path in ("new", admin_id, f"{admin_id}/password", f"{admin_id}/delete"):
        form = {"/name": "x", "/password": OTHER, "change": "disable", "name": "admin"}
        assert viewer.post(f"/settings/users/{path}", form).status_code == 403, path
    with ctx.read() as session:
        refused = select(AuditEvent).where(AuditEvent.action == "request.refused")
        assert len(session.scalars(refused).all()) >= 7


def test_no_form_of_the_settings_is_taken_without_its_token(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    vera, one = id_of(ctx, "vera"), project_id(ctx)
    pages = ["/settings", "/settings/tokens/new", "/settings/users/new", "/settings/projects/new"]
    pages += [f"/settings/users/{vera}", f"/settings/projects/{one}"]
    pages += [f"/settings/users/{vera}/delete", f"/settings/projects/{one}/delete"]
    forms = {form for page in pages for form in EDITS.findall(visitor.text(page))}
    assert len(forms) >= 10
    for form in sorted(forms):
        assert visitor.client.post(form, data={"change": "disable"}).status_code == 403, form
