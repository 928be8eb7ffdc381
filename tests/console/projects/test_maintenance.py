"""Maintenance and change windows, of the whole service and of a project."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import ChangeControl
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.test_pages import ATTACK


@pytest.mark.parametrize(
    "base", ["/settings/maintenance", "/settings/projects/default/maintenance"]
)
def test_maintenance_begins_and_ends(visitor: Visitor, base: str) -> None:
    assert "Changes allowed" in visitor.text(base)
    form = {"/maintenance/reason": ATTACK, "/maintenance/until": "2", "version": "0"}
    assert visitor.post(f"{base}/begin", {**form, "/maintenance/until": "99"}).status_code == 422
    assert visitor.post(f"{base}/begin", {**form, "/maintenance/reason": ""}).status_code == 422
    assert visitor.post(f"{base}/begin", form).status_code == 303
    assert visitor.post(f"{base}/begin", form).status_code == 412
    page = visitor.text(base)
    assert "Maintenance: changes blocked" in page
    assert "<script>alert" not in page
    assert visitor.post(f"{base}/end", {"version": "1"}).status_code == 303
    assert "Changes allowed" in visitor.text(base)


def test_windows_are_added_and_removed_one_by_one(visitor: Visitor, ctx: Context) -> None:
    base = "/settings/maintenance"
    form = {"/effect": "deny", "/days": "mon", "/start": "22:00", "/end": "04:00"}
    for bad in (
        {"/effect": "explode"},
        {"/days": "someday"},
        {"/days": ""},
        {"/start": "25:00"},
        {"/end": ATTACK},
        {"/timezone": "Moon/Crater"},
    ):
        response = visitor.post(f"{base}/windows", {**form, **bad})
        assert response.status_code == 422, bad
        assert ATTACK not in response.text
        assert 'id="problems"' in response.text
    assert visitor.post(f"{base}/windows", form).status_code == 303
    second = {**form, "/effect": "allow", "/timezone": "Europe/Berlin"}
    assert visitor.post(f"{base}/windows", second).status_code == 303
    page = visitor.text(base)
    assert "04:00 next day" in page
    assert visitor.post(f"{base}/windows/0/remove", {"version": "1"}).status_code == 412
    assert visitor.post(f"{base}/windows/0/remove", {"version": "2"}).status_code == 303
    assert visitor.post(f"{base}/windows/7/remove").status_code == 404
    with ctx.read() as session:
        (left,) = session.scalars(select(ChangeControl)).one().windows
    assert left["timezone"] == "Europe/Berlin"


def test_a_viewer_reads_the_rules_and_changes_none(viewer: Visitor) -> None:
    for base in ("/settings/maintenance", "/settings/projects/default/maintenance"):
        page = viewer.text(base)
        assert "Changing this requires" in page
        assert 'name="/start"' not in page
        form = {"/maintenance/reason": "x", "/maintenance/until": "1"}
        assert viewer.post(f"{base}/begin", form).status_code == 403
        assert viewer.post(f"{base}/end").status_code == 403
        window = {"/effect": "deny", "/days": "mon", "/start": "22:00", "/end": "04:00"}
        assert viewer.post(f"{base}/windows", window).status_code == 403
