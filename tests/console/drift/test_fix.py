"""Reconcile or accept: what goes is shown, and it is about the report that was shown."""

from __future__ import annotations

import re

import pytest

from app.models import DriftFinding, Operation
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, deleted, updated


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


@pytest.mark.parametrize(
    ("choice", "titles", "ends"),
    [
        ("reconcile", ["Recorded", "In the cloud now", "After reconciling"], ["10", "99", "10"]),
        ("accept", ["Recorded", "In the cloud now", "After accepting"], ["10", "99", "99"]),
    ],
)
def test_a_decision_shows_what_each_value_becomes(
    visitor: Visitor, fleet: Fleet, choice: str, titles: list[str], ends: list[str]
) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 10, 99)])
    page = visitor.text(f"/stacks/{made.stack_id}/drift/{choice}")
    table = page.partition('<table class="diff">')[2].partition("</table>")[0]
    assert re.findall(r'<th scope="col">([^<]+)</th>', table) == ["Attribute", *titles]
    cells = re.findall(r'<td data-label="[^"]+">(.*?)</td>', table)
    assert [words(cell) for cell in cells] == ends


def test_what_reconciling_does_not_touch_stays_as_it_is(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    kept = {**updated("a_b.this", "size", 10, 99), "mending": "none"}
    fleet.drift(made, "drifted", [kept, deleted("a_b.gone")])
    page = visitor.text(f"/stacks/{made.stack_id}/drift/reconcile")
    assert page.count("Reconciling does not touch this.") == 1
    assert "<strong>99</strong>" in page
    assert "<strong>abc</strong>" in page  # made again
