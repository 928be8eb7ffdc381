"""The overview reads from what is wrong to what is only a number."""

from __future__ import annotations

import re

from sqlalchemy import select

from app.models import Operation
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, change, updated


def test_what_is_wrong_comes_first_then_what_waits_then_what_runs(
    visitor: Visitor, fleet: Fleet
) -> None:
    drifted, waiting = fleet.stack("drifted"), fleet.stack("waiting")
    fleet.drift(drifted, "drifted", [updated("a_b.this", "size", 1, 2)])
    fleet.change_operation(waiting.operation_id, status="planned", generation=1)
    fleet.plan(waiting.operation_id, [change("create", "a_b.new")], add=1)
    page = visitor.text("/")
    assert re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', page)[:7] == [
        "Getting started",
        "Needs attention",
        "Waiting for you",
        "Running and waiting",
        "Recent operations",
        "Stacks",
        "System health",
    ]
    assert f'href="/stacks/{drifted.stack_id}/drift/reconcile"' in page
    assert f'action="/operations/{waiting.operation_id}/approve"' in page


def test_scheduled_checks_are_neither_recent_nor_in_the_way(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    made = fleet.stack("web")
    for status in ("planned_and_finished", "pending"):
        check = fleet.operation(made.stack_id, "drift_check")
        with ctx.write() as session:
            row = session.get_one(Operation, check)
            row.status, row.requested_by = status, SYSTEM_PRINCIPAL.name
    page = words(visitor.text("/"))
    assert "Drift check" not in page
    assert "Apply web" in page
    own = fleet.operation(made.stack_id, "plan", status="planned_and_finished")
    assert own in visitor.text("/")


def test_a_viewer_sees_what_waits_and_has_nothing_to_decide(viewer: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.change_operation(made.operation_id, status="planned", generation=1)
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 1, 2)])
    page = viewer.text("/")
    assert "Nothing waits for you." in page
    assert "Awaiting approval" in page
    assert "/approve" not in page
    assert "/drift/reconcile" not in page


def test_why_leads_to_what_failed_whatever_came_after(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    made = fleet.stack("web", status="failed", status_reason="The quota is reached.")
    fleet.change_operation(made.operation_id, status="errored")
    for asks in ("admin", SYSTEM_PRINCIPAL.name):
        later = fleet.operation(made.stack_id, "drift_check")
        with ctx.write() as session:
            row = session.get_one(Operation, later)
            row.status, row.requested_by = "planned_and_finished", asks
    trouble = visitor.text("/").partition('id="trouble-title"')[2].partition("</section>")[0]
    assert f'href="/operations/{made.operation_id}"' in trouble
    assert trouble.count("/operations/") == 1
    assert ">Drift check</a>" in visitor.text("/stacks")
    with ctx.write() as session:
        for row in session.scalars(select(Operation).where(Operation.type == "drift_check")):
            row.requested_by = SYSTEM_PRINCIPAL.name
    assert ">Drift check</a>" not in visitor.text("/stacks")
