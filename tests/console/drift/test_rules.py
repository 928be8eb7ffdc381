"""Ignore rules: listed, changed, ended, and by whom."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import DriftRule
from app.services.context import Context
from app.services.drift.rules import NewRule, RuleScope, create_rule
from app.services.work import perform
from tests.console.conftest import PRINCIPAL, Visitor
from tests.console.test_pages import ATTACK


@pytest.fixture
def rule(ctx: Context) -> str:
    """The address of the page of an ignore rule."""
    scope = RuleScope(kind="network", path=ATTACK)
    with perform(ctx, PRINCIPAL) as work:
        row = create_rule(work, NewRule("default", ATTACK, scope, ATTACK[:64]))
        return f"/settings/drift-rules/{row.id}"


def test_ignore_rules_are_listed_changed_and_ended(
    visitor: Visitor, rule: str, ctx: Context
) -> None:
    page = visitor.text("/settings/drift-rules")
    assert "kind: network" in page
    assert "<script>alert" not in page
    assert "No ignore rules" in visitor.text("/settings/drift-rules?show=expired")
    form = {"/reason": "agreed with vera", "/owner": "vera", "/expires_at": "7", "version": "1"}
    assert visitor.post(rule, {**form, "/expires_at": "9999"}).status_code == 422
    assert visitor.post(rule, {**form, "/owner": " "}).status_code == 422
    assert visitor.post(rule, form).status_code == 303
    assert visitor.post(rule, form).status_code == 412
    page = visitor.text("/settings/drift-rules")
    assert "agreed with vera" in page
    assert "in 6 d" in page
    assert visitor.post(f"{rule}/end", {"version": "1"}).status_code == 412
    assert visitor.post(f"{rule}/end", {"version": "2"}).status_code == 303
    with ctx.read() as session:
        assert session.scalars(select(DriftRule)).all() == []


def test_a_viewer_reads_ignore_rules_and_changes_none(viewer: Visitor, rule: str) -> None:
    page = viewer.text("/settings/drift-rules")
    assert "kind: network" in page
    assert f"{rule}/end" not in page
    assert "requires the role Operator" in viewer.text(rule)
    form = {"/reason": "x", "/owner": "y"}
    assert viewer.post(rule, form).status_code == 403
    assert viewer.post(f"{rule}/end").status_code == 403
