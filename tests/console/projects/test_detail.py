"""Projects: made, changed, read by others, deleted when they are empty."""

from __future__ import annotations

from app.models import Project
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet
from tests.console.people import EDITS, id_of, project_id, role_of
from tests.console.test_pages import ATTACK


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
    assert "Keep: 0 4 * * *" in visitor.text(one)
    form = {"/title": "Main", "/auto_apply": "always", "/drift": "keep"}
    assert visitor.post(one, form).status_code == 303
    with ctx.read() as session:
        assert session.get_one(Project, project_id(ctx)).drift_cron == "0 4 * * *"


def test_a_project_with_stacks_says_why_it_stays(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    fleet.stack("web")
    one = f"/settings/projects/{project_id(ctx)}/delete"
    assert "1 stack exists in it" in visitor.text(one)
    assert visitor.post(one, {"name": "default"}).status_code == 409


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
