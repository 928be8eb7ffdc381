"""A plan is priced by the sheet that counts, and budgets are policies about its cost."""

from __future__ import annotations

from typing import Any

from app.models import Stack
from app.services.costs.sheets import import_price_sheet
from app.services.costs.stack_costs import cost_of_stack, costs_of_project
from app.services.policies.sets import NewPolicySet, create_policy_set
from app.services.work import perform
from tests.landform import ADMIN, Landform

SHEET = (
    "cloud,region,type,match,component,unit,quantity,price,currency,low,typical,high,source,date\n"
    "sandbox,*,sandbox_network,,net,month,,10,USD,,,,our list,2026-11-30\n"
)
ZONE = {"parameters": {"zones": 1}}


def import_sheet(landform: Landform) -> None:
    with perform(landform.ctx, ADMIN) as work:
        import_price_sheet(work, SHEET)


def budget(landform: Landform, limit: str, verdict: str) -> None:
    policy: dict[str, Any] = {
        "name": "budget",
        "at": ["plan"],
        "rule": f"cost.project <= {limit}",
        "verdict": verdict,
        "message": "The project would cost {cost.project} a month.",
    }
    with perform(landform.ctx, ADMIN) as work:
        create_policy_set(work, NewPolicySet("budgets", [policy], enabled=True))


def cost(landform: Landform, stack: Stack) -> dict[str, Any]:
    with landform.ctx.read() as session:
        return dict(cost_of_stack(session, ADMIN, stack.id).cost or {})


def test_an_apply_says_what_it_makes_of_the_cost(landform: Landform) -> None:
    import_sheet(landform)
    stack, operation = landform.create("network", "web", **ZONE)
    done = landform.carry_out(operation)
    assert done.status == "applied"
    assert done.cost is not None
    assert (done.cost["before"]["typical"], done.cost["after"]["typical"]) == ("0.00", "10.00")
    assert done.cost["after"]["unpriced"] == {"sandbox_subnet": 1}
    assert (done.cost["currency"], done.cost["prices_from"]) == ("USD", "2026-11-30")
    assert cost(landform, stack)["after"]["typical"] == "10.00"
    with landform.ctx.read() as session:
        [item] = costs_of_project(session, ADMIN, "default")
        assert item.cost == done.cost


def test_a_hard_budget_counts_the_other_stacks_of_the_project(landform: Landform) -> None:
    import_sheet(landform)
    budget(landform, "15.0", "deny")
    _, first = landform.create("network", "one", **ZONE)
    assert landform.carry_out(first).status == "applied"
    _, second = landform.create("network", "two", **ZONE)
    done = landform.carry_out(second)
    assert (done.status, (done.error or {})["code"]) == ("errored", "policy_denied")
    assert "would cost 20.0 a month" in (done.error or {})["detail"]


def test_a_soft_budget_has_the_plan_wait(landform: Landform) -> None:
    import_sheet(landform)
    budget(landform, "5.0", "needs_approval")
    _, operation = landform.create("network", "web", **ZONE)
    assert landform.carry_out(operation).status == "planned"


def test_a_budget_without_prices_denies(landform: Landform) -> None:
    budget(landform, "5.0", "warn")
    _, operation = landform.create("network", "web", **ZONE)
    done = landform.carry_out(operation)
    assert (done.status, done.cost) == ("errored", None)
    assert "could not be evaluated" in (done.error or {})["detail"]
