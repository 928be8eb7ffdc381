"""What one can have done to a stack from its page."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Operation
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet


@pytest.mark.parametrize("wanted", ["plan", "apply", "drift_check"])
def test_an_action_queues_its_operation_and_leads_to_it(
    visitor: Visitor, fleet: Fleet, ctx: Context, wanted: str
) -> None:
    made = fleet.stack()
    response = visitor.post(f"/stacks/{made.stack_id}/operations", {"type": wanted})
    assert response.status_code == 303
    with ctx.read() as session:
        newest = session.scalars(select(Operation).order_by(Operation.id.desc())).first()
        assert newest is not None
        assert (newest.type, newest.status, newest.requested_by) == (wanted, "pending", "admin")
        assert response.location == f"/operations/{newest.id}"
    page = visitor.text(f"/stacks/{made.stack_id}")
    assert 'hx-trigger="every 3s, ' in page
    assert f'href="/operations/{newest.id}"' in page


@pytest.mark.parametrize("wanted", ["destroy", "rollback", "", "<b>"])
def test_an_action_that_the_buttons_do_not_offer_is_refused(
    visitor: Visitor, fleet: Fleet, wanted: str
) -> None:
    made = fleet.stack()
    response = visitor.post(f"/stacks/{made.stack_id}/operations", {"type": wanted})
    assert response.status_code == 422
