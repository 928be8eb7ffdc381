"""What the stacks of a project cost, on a page and as a file; and on the page of an operation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.models import Operation
from app.services.context import Context
from tests.console.conftest import Visitor

AMOUNT: dict[str, Any] = {"low": "1.00", "typical": "5.00", "high": "50.00", "priced": 1}
COST: dict[str, Any] = {
    "currency": "USD",
    "sheet_id": "prc_1",
    "prices_from": "2026-11-30",
    "before": {**AMOUNT, "typical": "0.00", "unpriced": {}},
    "after": {**AMOUNT, "unpriced": {"sandbox_subnet": 2}},
    "others": "0",
}
NEW = {
    "intent": "create",
    "/project": "default",
    "/cloud_account": "sandbox",
    "/region": "eu-west",
    "/parameters/cidr": "10.0.0.0/16",
    "/parameters/zones": "1",
}


def test_costs_are_listed_added_up_and_downloaded(visitor: Visitor, ctx: Context) -> None:
    for name in ("priced", "other"):
        assert visitor.post("/stacks/new/network", {**NEW, "/name": name}).status_code == 303
    with ctx.write() as session:
        first = session.scalars(select(Operation).order_by(Operation.id)).unique().all()[0]
        first.status, first.cost = "applied", COST
        operation_id = first.id
    page = visitor.text("/settings/projects/default/costs")
    assert "5.00 USD in a typical month" in page
    assert "2 of 3 resources" in page
    assert "Not priced" in page
    lines = visitor.get("/settings/projects/default/costs.csv").text.splitlines()
    assert lines[0].startswith("stack,low,typical,high,currency")
    assert "priced,1.00,5.00,50.00,USD,1,2,2026-11-30" in lines
    shown = visitor.text(f"/operations/{operation_id}")
    assert "in a typical month; 0.00 before" in shown
    assert "2 sandbox_subnet" in shown


def test_a_project_without_stacks_has_no_costs(visitor: Visitor) -> None:
    assert "No stacks" in visitor.text("/settings/projects/default/costs")
