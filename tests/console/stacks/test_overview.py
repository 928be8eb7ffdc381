"""The first tab of a stack: references, outputs, what left it in trouble."""

from __future__ import annotations

import re

import pytest

from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet
from tests.drifting import change as drifted


def test_the_page_of_a_stack_tells_both_ends_of_a_reference(visitor: Visitor, fleet: Fleet) -> None:
    network = fleet.stack("web")
    group = fleet.stack("shop", "machine-group", parameters={"network": "web"})
    used = visitor.text(f"/stacks/{network.stack_id}")
    user = visitor.text(f"/stacks/{group.stack_id}")
    assert f'<a href="/stacks/{group.stack_id}">shop</a>' in used
    assert f'<a href="/stacks/{network.stack_id}">web</a>' in user
    assert "No other stacks." in used


def test_an_output_of_what_is_missing_says_so_and_shows_no_value(
    visitor: Visitor, fleet: Fleet
) -> None:
    network = fleet.stack("web")
    fleet.output(network.stack_id, "subnet_ids", ["subnet-gone", "subnet-here"])
    fleet.output(network.stack_id, "network_id", "vpc-here")
    assert "subnet-here" in visitor.text(f"/stacks/{network.stack_id}")
    fleet.drift(network, "drifted", [{**drifted("deleted"), "resource_id": "subnet-gone"}])
    page = visitor.text(f"/stacks/{network.stack_id}")
    assert "missing in the cloud" in page
    assert "subnet-here" not in page
    assert "vpc-here" in page


@pytest.mark.parametrize(
    ("stack_status", "status", "words"),
    [
        ("failed", "errored", "View details and how to fix it"),
        ("needs_attention", "interrupted", "Resolve the operation"),
    ],
)
def test_a_stack_in_trouble_leads_to_the_operation_that_left_it_there(
    visitor: Visitor, fleet: Fleet, stack_status: str, status: str, words: str
) -> None:
    made = fleet.stack("web", status=stack_status, status_reason="It ended badly.")
    fleet.change_operation(made.operation_id, status=status)
    fleet.operation(made.stack_id, "drift_check", status="planned_and_finished")
    page = visitor.text(f"/stacks/{made.stack_id}")
    assert re.search(rf'href="/operations/{made.operation_id}">{words}</a>', page)
    fleet.change_operation(made.operation_id, resolution={"by": "ann", "action": "accept"})
    assert words not in visitor.text(f"/stacks/{made.stack_id}")
