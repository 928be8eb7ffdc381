"""The drift page: what changed behind Landform's back, and what is not known."""

from __future__ import annotations

from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, updated


def test_drifted_and_unknown_stacks_are_shown_with_what_changed(
    visitor: Visitor, fleet: Fleet
) -> None:
    drifted, unknown, good = fleet.stack("drifted"), fleet.stack("lost"), fleet.stack("good")
    fleet.drift(drifted, "drifted", [updated("sandbox_machine.this[0]", "size", "small", "large")])
    fleet.drift(unknown, "unknown", [], "The cloud did not answer.")
    fleet.drift(good, "in_sync", [])
    page = visitor.text("/drift")
    for text in (
        "sandbox_machine.this[0]",
        "<del>small</del>",
        "<ins>large</ins>",
        "Medium severity",
    ):
        assert text in page
    assert "The cloud did not answer." in page
    assert f'href="/stacks/{good.stack_id}"' not in page
    assert f'href="/stacks/{good.stack_id}"' in visitor.text("/drift?verdict=in_sync")


def test_a_report_older_than_the_verdict_is_not_shown_as_drift(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack()
    fleet.drift(made, "drifted", [updated("sandbox_machine.this", "size", "small", "large")])
    fleet.change_stack(made.stack_id, drift_status="not_checked")
    assert "sandbox_machine.this" not in visitor.text("/drift?verdict=not_checked")
    assert "sandbox_machine.this" in visitor.text(f"/stacks/{made.stack_id}/drift")


def test_check_now_queues_a_check(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "unknown", [], "No answer.")
    page = visitor.text("/drift")
    assert f'action="/stacks/{made.stack_id}/operations"' in page
    assert 'name="type" value="drift_check"' in page
    response = visitor.post(f"/stacks/{made.stack_id}/operations", {"type": "drift_check"})
    assert "Drift check web" in visitor.text(response.location)


def test_a_long_list_of_drift_comes_in_pages(visitor: Visitor, fleet: Fleet) -> None:
    for number in range(51):
        fleet.stack(f"net-{number:02}", drift_status="drifted")
    first = visitor.text("/drift?verdict=drifted")
    assert "cursor=" in first
    assert "net-00" not in first
    assert first.count('<article class="drifted">') == 50
