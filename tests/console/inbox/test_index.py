"""The inbox holds what the visitor may decide, most urgent first, and leads through it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import select

from app.models import Project
from app.services.context import Context
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, Made, change, deleted, updated


@pytest.fixture
def three(fleet: Fleet) -> tuple[Made, Made, Made]:
    """A stack with severe drift, one with a plan that waits, one that was interrupted."""
    drifted, waiting, broken = (fleet.stack(name) for name in ("drifted", "waiting", "broken"))
    fleet.drift(drifted, "drifted", [deleted("a_b.gone"), deleted("a_b.other")])
    fleet.change_operation(waiting.operation_id, status="planned", generation=1)
    fleet.plan(waiting.operation_id, [change("create", "a_b.new")], add=1)
    fleet.change_operation(broken.operation_id, status="interrupted")
    return drifted, waiting, broken


def rows_of(page: str) -> list[str]:
    """Return the addresses of the decisions on a page."""
    return [unescape(href) for href in re.findall(r'href="([^"]+)" data-decision', page)]


def test_the_most_urgent_stands_first_and_navigation_has_the_count(
    visitor: Visitor, three: tuple[Made, Made, Made]
) -> None:
    drifted, waiting, broken = three
    page = visitor.text("/inbox")
    assert rows_of(page) == [
        f"/operations/{broken.operation_id}",
        f"/operations/{waiting.operation_id}",
        f"/stacks/{drifted.stack_id}/drift",
    ]
    assert "<title>(3) Inbox · Landform</title>" in page
    assert "Inbox 3 decisions wait for you" in words(page)
    assert "2 severe findings" in words(page)
    assert "Nothing waits for you" not in page


def test_next_and_previous_lead_through_all_and_back_to_the_list(
    visitor: Visitor, three: tuple[Made, Made, Made]
) -> None:
    addresses = rows_of(visitor.text("/inbox"))
    visited, here = [], "/inbox"
    for _ in range(4):
        here = visitor.get(f"/inbox/next?after={here}").location
        visited.append(here)
    assert visited == [*addresses, "/inbox"]
    assert visitor.get(f"/inbox/next?after={addresses[1]}&back=1").location == addresses[0]
    assert visitor.get("/inbox/next?after=//evil.example").location == addresses[0]
    page = visitor.text(addresses[1])
    assert f'data-inbox="next" href="/inbox/next?after={addresses[1]}"' in page


def test_a_plan_without_losses_is_approved_in_the_list(
    visitor: Visitor, fleet: Fleet, three: tuple[Made, Made, Made]
) -> None:
    operation = three[1].operation_id
    path = f"/operations/{operation}/approve"
    assert f'action="{path}"' in visitor.text("/inbox")
    answer = visitor.post(path, {"next": "/inbox"})
    assert answer.location == "/inbox?done=approved"
    assert len(rows_of(visitor.text(answer.location))) == 2
    losing = fleet.operation(three[0].stack_id, status="planned")
    fleet.plan(losing, [change("delete", "a_b.old")], destroy=1)
    page = visitor.text("/inbox")
    assert f"/operations/{losing}" in rows_of(page)
    assert f'action="/operations/{losing}/approve"' not in page
    evil = visitor.post(f"/operations/{losing}/discard", {"next": "//evil.example"})
    assert evil.location == "/?done=discarded"


def test_what_is_decided_hidden_or_over_does_not_wait(
    visitor: Visitor, fleet: Fleet, three: tuple[Made, Made, Made]
) -> None:
    drifted, waiting, broken = three
    fleet.change_stack(drifted.stack_id, drift_status="not_checked")
    fleet.change_operation(waiting.operation_id, status="discarded")
    fleet.change_operation(broken.operation_id, resolution={"action": "accept"})
    mild = fleet.stack("mild")
    fleet.drift(mild, "drifted", [updated("a_b.this", "size", 1, 2)])
    page = visitor.text("/inbox")
    assert "Nothing waits for you" in page
    assert "<title>Inbox · Landform</title>" in page


def test_who_may_not_decide_has_an_empty_inbox(
    viewer: Visitor, three: tuple[Made, Made, Made]
) -> None:
    assert rows_of(viewer.text("/inbox")) == []
    assert "data-inbox" not in viewer.text(f"/operations/{three[1].operation_id}")


def test_an_own_request_waits_for_others_where_the_project_says_so(
    visitor: Visitor, ctx: Context, three: tuple[Made, Made, Made]
) -> None:
    with ctx.write() as session:
        for project in session.scalars(select(Project)):
            project.approval_not_by_requester = True
    assert f"/operations/{three[1].operation_id}" not in rows_of(visitor.text("/inbox"))
