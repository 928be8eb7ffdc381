"""Reconcile or accept: what goes is shown, and it is about the report that was shown."""

from __future__ import annotations

import re

import pytest

from app.models import DriftFinding, Operation
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, deleted


def test_reconciling_shows_what_goes_and_is_about_the_report_that_was_shown(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "drifted", [deleted("a_b.this", mending="replace")])
    page = visitor.text(f"/stacks/{made.stack_id}/drift/reconcile")
    assert "This would replace 1." in page
    assert "is lost" in page
    found = re.search(r'name="report_id" value="([^"]+)"', page)
    assert found
    fleet.drift(made, "drifted", [deleted("a_b.other")])
    stale = visitor.post(f"/stacks/{made.stack_id}/drift/reconcile", {"report_id": found[1]})
    assert stale.status_code == 409
    assert "drift" in stale.text
    assert visitor.post(f"/stacks/{made.stack_id}/drift/reconcile").status_code == 422


@pytest.mark.parametrize(
    ("choice", "type_"), [("reconcile", "reconcile"), ("accept", "accept_drift")]
)
def test_a_drift_is_reconciled_or_accepted(
    visitor: Visitor, fleet: Fleet, finding: DriftFinding, choice: str, type_: str
) -> None:
    path = f"/stacks/{finding.stack_id}/drift/{choice}"
    answer = visitor.post(path, {"report_id": finding.report_id})
    assert answer.status_code == 303
    with fleet.ctx.read() as session:
        operation = session.get_one(Operation, answer.location.rsplit("/", 1)[-1])
        assert operation.type == type_
        assert operation.options == {"report_id": finding.report_id}


def test_without_drift_there_is_nothing_to_reconcile(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    page = visitor.text(f"/stacks/{made.stack_id}/drift/accept")
    assert "nothing that can be accepted" in page
    assert 'name="report_id"' not in page
    assert visitor.get(f"/stacks/{made.stack_id}/drift/explode").status_code == 404
    assert visitor.post(f"/stacks/{made.stack_id}/drift/explode").status_code == 404
