"""In which weekly windows the stacks of a project are checked for drift."""

from __future__ import annotations

from typing import Any

from app.models import Project
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.people import project_id


def test_a_project_says_in_which_windows_its_stacks_are_checked(
    visitor: Visitor, ctx: Context
) -> None:
    nightly = {"effect": "allow", "days": ["mon", "tue"], "start": "22:00", "end": "04:00"}
    with ctx.write() as session:
        row = session.get_one(Project, project_id(ctx))
        row.drift_windows = [{**nightly, "timezone": "Europe/Berlin"}]
    text = visitor.text(f"/settings/projects/{project_id(ctx)}")
    for told in ("Allow checks", "Monday, Tuesday", "04:00 next day", "Europe/Berlin"):
        assert told in text


def test_windows_for_checks_are_added_and_removed_one_by_one(
    visitor: Visitor, ctx: Context
) -> None:
    one = f"/settings/projects/{project_id(ctx)}"
    base = f"{one}/check-windows"
    assert "Scheduled checks can run at any time." in visitor.text(one)
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
    assert "Block checks" in visitor.text(one)
    assert visitor.post(f"{base}/0/remove", {"version": str(version)}).status_code == 412
    version = project_version(ctx)
    assert visitor.post(f"{base}/0/remove", {"version": str(version)}).status_code == 303
    assert visitor.post(f"{base}/7/remove").status_code == 404
    (left,) = windows_of(ctx)
    assert (left["effect"], left["timezone"]) == ("allow", "Europe/Berlin")


def test_a_viewer_changes_no_windows_for_checks(viewer: Visitor, ctx: Context) -> None:
    one = f"/settings/projects/{project_id(ctx)}"
    page = viewer.text(one)
    assert "Drift check windows" in page
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
