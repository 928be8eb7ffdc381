"""Users, projects, members, and one's own tokens, sessions and password, by role."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.models import ApiToken, AuditEvent, Project, ProjectMember, User, UserSession
from app.services.api_tokens import caller_of
from app.services.context import Context
from tests.console.conftest import PASSWORD, Visitor
from tests.console.fleet_examples import Fleet
from tests.console.test_pages import ATTACK

OTHER = "another fine long phrase"
EDITS = re.compile(r'<form[^>]*method="post"[^>]*action="(/settings/[^"]*)"')


@pytest.fixture
def viewer(console_app: Flask, fleet: Fleet) -> Visitor:
    """Vera, who may look at the default project and nothing else."""
    fleet.member("vera", OTHER, "viewer")
    found = Visitor(console_app.test_client())
    assert found.sign_in("vera", OTHER).status_code == 303
    return found


def id_of(ctx: Context, name: str) -> str:
    with ctx.read() as session:
        return session.scalars(select(User.id).where(User.name == name)).one()


def project_id(ctx: Context, name: str = "default") -> str:
    with ctx.read() as session:
        return session.scalars(select(Project.id).where(Project.name == name)).one()


def role_of(ctx: Context, user_id: str) -> str | None:
    with ctx.read() as session:
        query = select(ProjectMember.role).where(ProjectMember.user_id == user_id)
        return session.scalar(query)


def test_an_administrator_invites_a_colleague_with_a_role(
    visitor: Visitor, console_app: Flask, ctx: Context
) -> None:
    form = {"/name": "otto", "/password": OTHER, "/project": "default", "/role": "operator"}
    response = visitor.post("/settings/users/new", form)
    assert response.status_code == 303
    assert "The person can sign in now." in visitor.text(response.location)
    assert role_of(ctx, id_of(ctx, "otto")) == "operator"
    otto = Visitor(console_app.test_client())
    assert otto.sign_in("otto", OTHER).status_code == 303
    assert "New stack" in otto.text("/stacks")


def test_a_role_that_does_not_exist_makes_nobody(visitor: Visitor, ctx: Context) -> None:
    form = {"/name": "otto", "/password": OTHER, "/project": "default", "/role": "king"}
    response = visitor.post("/settings/users/new", form)
    assert response.status_code == 422
    assert "Choose one of: viewer, operator, admin." in response.text
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


def test_a_user_is_disabled_enabled_and_made_administrator(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}"
    assert viewer.get("/").status_code == 200
    assert visitor.post(page, {"change": "disable"}).status_code == 303
    assert viewer.get("/").status_code == 303
    assert "Disabled" in visitor.text(page)
    visitor.post(page, {"change": "enable"})
    visitor.post(page, {"change": "make_admin"})
    assert "No longer administrator" in visitor.text(page)
    assert visitor.post(page, {"change": "crown"}).status_code == 422


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}"
    assert visitor.post(page, {"change": "make_admin", "version": "1"}).status_code == 303
    response = visitor.post(page, {"change": "disable", "version": "1"})
    assert response.status_code == 412
    assert "at version 2, not 1" in response.text


def test_the_last_administrator_stays_one(visitor: Visitor, ctx: Context) -> None:
    page = f"/settings/users/{id_of(ctx, 'admin')}"
    response = visitor.post(page, {"change": "unmake_admin"})
    assert response.status_code == 409
    assert "Nobody would be left to administer" in response.text


def test_a_password_is_reset_and_ends_the_sessions(
    visitor: Visitor, viewer: Visitor, console_app: Flask, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}/password"
    assert visitor.post(page, {"/password": "vera"}).status_code == 422
    assert visitor.post(page, {"/password": "an entirely new phrase"}).status_code == 303
    assert viewer.get("/").status_code == 303
    again = Visitor(console_app.test_client())
    assert again.sign_in("vera", "an entirely new phrase").status_code == 303


def test_deleting_a_user_says_what_goes_and_wants_the_name(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}/delete"
    assert "viewer of default" in visitor.text(page)
    response = visitor.post(page, {"name": ATTACK})
    assert response.status_code == 422
    assert "Type vera exactly" in response.text
    assert ATTACK not in response.text
    assert viewer.get("/").status_code == 200
    assert visitor.post(page, {"name": "vera"}).status_code == 303
    assert viewer.get("/").status_code == 303
    assert visitor.get(page).status_code == 404


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


def test_a_project_is_made_changed_and_deleted(visitor: Visitor, ctx: Context) -> None:
    response = visitor.post("/settings/projects/new", {"/name": "shop", "/auto_apply": "never"})
    assert response.status_code == 303
    one = f"/settings/projects/{project_id(ctx, 'shop')}"
    form = {"/title": f"Shop {ATTACK}", "/auto_apply": "always", "/drift": "3600", "version": "1"}
    assert visitor.post(one, form).status_code == 303
    page = visitor.text(one)
    assert ATTACK not in page
    assert '<option value="3600" selected>' in page
    assert visitor.post(one, form).status_code == 412
    assert visitor.post(one, {**form, "version": "2", "/drift": "77"}).status_code == 422
    assert visitor.post(one, {**form, "version": "2", "/drift": "never"}).status_code == 303
    assert '<option value="never" selected>' in visitor.text(one)
    assert visitor.post(f"{one}/delete", {"name": "sho"}).status_code == 422
    assert visitor.post(f"{one}/delete", {"name": "shop"}).status_code == 303
    assert visitor.get(one).status_code == 404


def test_a_rhythm_that_is_not_on_offer_is_kept(visitor: Visitor, ctx: Context) -> None:
    with ctx.write() as session:
        session.get_one(Project, project_id(ctx)).drift_cron = "0 4 * * *"
    one = f"/settings/projects/{project_id(ctx)}"
    assert "As it is: 0 4 * * *" in visitor.text(one)
    form = {"/title": "Main", "/auto_apply": "always", "/drift": "keep"}
    assert visitor.post(one, form).status_code == 303
    with ctx.read() as session:
        assert session.get_one(Project, project_id(ctx)).drift_cron == "0 4 * * *"


def test_a_project_says_in_which_windows_its_stacks_are_checked(
    visitor: Visitor, ctx: Context
) -> None:
    nightly = {"effect": "allow", "days": ["mon", "tue"], "start": "22:00", "end": "04:00"}
    with ctx.write() as session:
        row = session.get_one(Project, project_id(ctx))
        row.drift_windows = [{**nightly, "timezone": "Europe/Berlin"}]
    text = visitor.text(f"/settings/projects/{project_id(ctx)}")
    for told in ("Stacks are checked", "Monday, Tuesday", "04:00 next day", "Europe/Berlin"):
        assert told in text


def test_windows_for_checks_are_added_and_removed_one_by_one(
    visitor: Visitor, ctx: Context
) -> None:
    one = f"/settings/projects/{project_id(ctx)}"
    base = f"{one}/check-windows"
    assert "Stacks are checked at any time." in visitor.text(one)
    form = {"/effect": "deny", "/days": "mon", "/start": "22:00", "/end": "04:00"}
    for bad in (
        {"/effect": "explode"},
        {"/days": "someday"},
        {"/days": ""},
        {"/start": "25:00"},
        {"/end": "<script>alert(1)</script>"},
        {"/timezone": "Moon/Crater"},
    ):
        response = visitor.post(base, {**form, **bad})
        assert response.status_code == 422, bad
        assert "<script>alert" not in response.text
        assert 'id="problems"' in response.text
    assert windows_of(ctx) == []
    version = project_version(ctx)
    assert visitor.post(base, {**form, "version": str(version)}).status_code == 303
    stale = visitor.post(base, {**form, "version": str(version)})
    assert stale.status_code == 412, "somebody has changed it meanwhile"
    allowed = {**form, "/effect": "allow", "/timezone": "Europe/Berlin"}
    assert visitor.post(base, allowed).status_code == 303
    assert "Nothing is checked" in visitor.text(one)
    assert visitor.post(f"{base}/0/remove", {"version": str(version)}).status_code == 412
    version = project_version(ctx)
    assert visitor.post(f"{base}/0/remove", {"version": str(version)}).status_code == 303
    assert visitor.post(f"{base}/7/remove").status_code == 404
    (left,) = windows_of(ctx)
    assert (left["effect"], left["timezone"]) == ("allow", "Europe/Berlin")


def test_a_viewer_changes_no_windows_for_checks(viewer: Visitor, ctx: Context) -> None:
    one = f"/settings/projects/{project_id(ctx)}"
    page = viewer.text(one)
    assert "When the clock checks for drift" in page
    assert 'name="/start"' not in page
    form = {"/effect": "deny", "/days": "mon", "/start": "22:00", "/end": "04:00"}
    assert viewer.post(f"{one}/check-windows", form).status_code == 403
    assert viewer.post(f"{one}/check-windows/0/remove").status_code == 403
    assert windows_of(ctx) == []


def windows_of(ctx: Context) -> list[Any]:
    with ctx.read() as session:
        return list(session.get_one(Project, project_id(ctx)).drift_windows)


def project_version(ctx: Context) -> int:
    with ctx.read() as session:
        return session.get_one(Project, project_id(ctx)).version


def test_a_project_with_stacks_says_why_it_stays(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    fleet.stack("web")
    one = f"/settings/projects/{project_id(ctx)}/delete"
    assert "1 stack lives in it" in visitor.text(one)
    assert visitor.post(one, {"name": "default"}).status_code == 409


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


def test_a_viewer_reads_a_project_and_changes_nothing(viewer: Visitor, ctx: Context) -> None:
    one = f"/settings/projects/{project_id(ctx)}"
    page = viewer.text(one)
    assert EDITS.findall(page) == []
    assert "Delete…" not in page
    form = {"/user": "vera", "/role": "admin", "/auto_apply": "never", "name": "default"}
    assert viewer.post(one, {**form, "/drift": "never"}).status_code == 403
    assert viewer.post(f"{one}/members", form).status_code == 403
    assert viewer.post(f"{one}/delete", form).status_code == 403
    assert viewer.post("/settings/projects/new", {"/name": "mine"}).status_code == 403
    assert role_of(ctx, id_of(ctx, "vera")) == "viewer"


def test_an_admin_of_a_project_manages_its_members_only(
    console_app: Flask, fleet: Fleet, ctx: Context
) -> None:
    fleet.member("paula", OTHER, "admin")
    fleet.member("vera", OTHER, None)
    paula = Visitor(console_app.test_client())
    paula.sign_in("paula", OTHER)
    one = f"/settings/projects/{project_id(ctx)}"
    assert "Give somebody a role" in paula.text(one)
    form = {"/user": "vera", "/role": "viewer"}
    assert paula.post(f"{one}/members", form).status_code == 303
    assert paula.get("/settings/users").status_code == 403


def test_a_token_is_made_shown_once_used_and_revoked(visitor: Visitor, ctx: Context) -> None:
    assert "You have no token" in visitor.text("/settings/tokens")
    form = {"/name": ATTACK[:64], "/scopes": "stack:read", "/expires_at": "7"}
    made = visitor.post("/settings/tokens/new", form)
    assert made.status_code == 201
    found = re.search(r'id="secret">(lft_\w+)<', made.text)
    assert found
    assert made.headers["Cache-Control"] == "no-store"
    assert caller_of(ctx, found[1], None).name == "admin"
    page = visitor.text("/settings/tokens")
    assert found[1] not in page
    assert "<script>alert" not in page
    with ctx.read() as session:
        token = session.scalars(select(ApiToken)).one()
    revoke = f"/settings/tokens/{token.id}/revoke"
    assert visitor.post(revoke, {"name": "x"}).status_code == 422
    assert visitor.post(revoke, {"name": token.name}).status_code == 303
    assert visitor.get(revoke).status_code == 404
    assert "You have no token" in visitor.text("/settings/tokens")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"/name": " "}, "Say what it is for"),
        ({"/name": "x" * 65}, "Say what it is for"),
        ({"/scopes": ""}, "Choose at least one"),
        ({"/scopes": "stack:eat"}, "There is no scope"),
        ({"/expires_at": "9999"}, "Choose one of the periods"),
        ({"/project": "nowhere"}, "There is no project"),
        ({"/project": "default", "/scopes": "user:manage"}, "leave the project out"),
    ],
)
def test_a_token_that_cannot_be_is_refused_at_its_field(
    visitor: Visitor, ctx: Context, change: dict[str, str], said: str
) -> None:
    form = {"/name": "ci", "/scopes": "stack:read", "/expires_at": "7", **change}
    response = visitor.post("/settings/tokens/new", form)
    assert response.status_code == 422
    assert said in response.text
    with ctx.read() as session:
        assert session.scalars(select(ApiToken)).all() == []


def test_a_viewer_is_offered_no_scope_beyond_ones_own(viewer: Visitor) -> None:
    page = viewer.text("/settings/tokens/new")
    assert 'value="stack:read"' in page
    assert 'value="stack:write"' not in page
    form = {"/name": "ci", "/scopes": "stack:write", "/expires_at": "7"}
    response = viewer.post("/settings/tokens/new", form)
    assert response.status_code == 422
    assert "You do not have stack:write yourself." in response.text


def test_the_token_of_another_looks_like_none(visitor: Visitor, viewer: Visitor) -> None:
    form = {"/name": "ci", "/scopes": "stack:read", "/expires_at": "7"}
    visitor.post("/settings/tokens/new", form)
    found = re.search(r"/settings/tokens/(\w+)/revoke", visitor.text("/settings/tokens"))
    assert found
    assert viewer.get(f"/settings/tokens/{found[1]}/revoke").status_code == 404
    assert viewer.post(f"/settings/tokens/{found[1]}/revoke", {"name": "ci"}).status_code == 404


def test_sessions_are_listed_by_device_and_ended_one_by_one(
    viewer: Visitor, console_app: Flask, ctx: Context
) -> None:
    phone = Visitor(console_app.test_client())
    agent = "Mozilla/5.0 (Android 16; Mobile) Firefox/146.0 " + ATTACK
    phone.client.environ_base["HTTP_USER_AGENT"] = agent
    phone.sign_in("vera", OTHER)
    page = viewer.text("/settings")
    assert "Firefox on Android" in page
    assert ATTACK not in page
    with ctx.read() as session:
        rows = session.scalars(select(UserSession)).all()
        (other,) = [row.id for row in rows if "Firefox" in row.user_agent]
        (admins,) = [row.id for row in rows if row.user.name == "admin"]
    assert viewer.post(f"/settings/sessions/{other}/end").status_code == 303
    assert phone.get("/").status_code == 303
    assert viewer.post(f"/settings/sessions/{admins}/end").status_code == 404
    assert viewer.get("/").status_code == 200


def test_signing_out_everywhere_ends_all(viewer: Visitor, console_app: Flask) -> None:
    other = Visitor(console_app.test_client())
    other.sign_in("vera", OTHER)
    response = viewer.post("/settings/sessions/end")
    assert response.location == "/sign-in"
    assert viewer.get("/").status_code == 303
    assert other.get("/").status_code == 303


def test_ones_own_password_needs_the_present_one(viewer: Visitor, console_app: Flask) -> None:
    form = {
        "/current_password": OTHER,
        "/new_password": "an entirely new phrase",
        "/repeated": "an entirely new phrase",
    }
    wrong = viewer.post("/settings/password", {**form, "/current_password": PASSWORD})
    assert wrong.status_code == 422
    assert "Is not your password." in wrong.text
    unlike = viewer.post("/settings/password", {**form, "/repeated": "something else"})
    assert "Is not the same as the new password" in unlike.text
    assert "an entirely new phrase" not in unlike.text
    other = Visitor(console_app.test_client())
    other.sign_in("vera", OTHER)
    assert viewer.post("/settings/password", form).status_code == 303
    assert viewer.get("/").status_code == 200
    assert other.get("/").status_code == 303


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


def test_a_notice_is_one_of_those_known(visitor: Visitor) -> None:
    assert "Saved." in visitor.text("/settings?done=saved")
    assert ATTACK not in visitor.text(f"/settings?done={ATTACK}")
