"""Destroy a stack: the name is asked for, what goes is said and counted."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Operation
from app.services.context import Context
from tests.api.states import state_bytes
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet


@pytest.mark.parametrize("typed", ["", "WEB", "web ", "we", "<script>"])
def test_destroying_asks_for_the_exact_name(
    visitor: Visitor, fleet: Fleet, ctx: Context, typed: str
) -> None:
    made = fleet.stack("web")
    response = visitor.post(f"/stacks/{made.stack_id}/destroy", {"name": typed})
    assert response.status_code == 422
    assert "Type web exactly." in response.text
    with ctx.read() as session:
        assert session.scalar(select(Operation).where(Operation.type == "destroy")) is None


def test_destroying_with_the_name_queues_a_destroy(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    assert "The state contains no resources." in visitor.text(f"/stacks/{made.stack_id}/destroy")
    response = visitor.post(f"/stacks/{made.stack_id}/destroy", {"name": "web"})
    assert response.status_code == 303
    assert "Destroy web" in visitor.text(response.location)


def test_what_uses_a_stack_goes_before_it_and_is_shown_and_counted(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    made = fleet.stack("web")
    user = fleet.stack("shop", "machine-group", parameters={"network": "web"})
    fleet.state(made, state_bytes(1, {"a": "x", "b": "y"}))
    fleet.state(user, state_bytes(1, {"a": "x"}))
    page = visitor.text(f"/stacks/{made.stack_id}/destroy")
    assert "1 machine group, 1 network" in page
    assert page.index(">shop</a>") < page.rindex(">web</a>")
    assert '<code>terraform_data</code></td><td data-label="Count" class="number strong">3<' in page
    path = f"/stacks/{made.stack_id}/destroy"
    response = visitor.post(path, {"name": "web"})
    assert response.status_code == 409, "a form without the users asks for the stack alone"
    assert "Other stacks depend on this one" in response.text
    assert visitor.post(path, {"name": "web", "cascade": "on"}).status_code == 303
    with ctx.read() as session:
        rows = session.scalars(select(Operation).where(Operation.type == "destroy")).unique()
        assert [row.stack.name for row in rows] == ["shop", "web"]


def test_one_protected_stack_keeps_all_that_would_go(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    user = fleet.stack("shop", "machine-group", parameters={"network": "web"})
    fleet.change_stack(user.stack_id, deletion_protection=True)
    page = visitor.text(f"/stacks/{made.stack_id}/destroy")
    assert "Protected from deletion" in page
    assert f"/stacks/{user.stack_id}/settings" in page
    assert 'name="name"' not in page
    form = {"name": "web", "cascade": "on"}
    assert visitor.post(f"/stacks/{made.stack_id}/destroy", form).status_code == 409
