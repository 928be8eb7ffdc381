"""The drift page: what changed outside Landform, and what is not known."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.console.drift.index import DRIFT_ROWS
from app.models import AuditEvent, DriftDay, DriftFinding, InstallationFact, Schedule, Stack
from app.services.drift.health import PULSE, record_pulse
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, deleted, updated


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
        "Medium: changed",
    ):
        assert text in page
    assert "The cloud did not answer." in page
    assert f'href="/stacks/{good.stack_id}/drift"' not in page
    assert f'href="/stacks/{good.stack_id}/drift"' in visitor.text("/drift?verdict=in_sync")


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
    for number in range(DRIFT_ROWS + 1):
        fleet.stack(f"net-{number:02}", drift_status="drifted")
    first = visitor.text("/drift?verdict=drifted")
    assert "cursor=" in first
    assert "net-00" not in first
    assert first.count('<article class="drifted">') == DRIFT_ROWS


def test_a_stack_says_what_happened_and_what_reconciling_would_do(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    changes = [updated("a_b.one", "size", 1, 2), deleted("a_b.two"), deleted("a_b.three")]
    fleet.drift(made, "drifted", changes)
    page = words(visitor.text("/drift"))
    assert "2 deleted, 1 changed outside Landform." in page
    assert "Reconciling would re-create 2, revert 1." in page
    assert page.index("two") < page.index("one")  # the worst first


def test_drift_is_grouped_by_cause_with_the_choice_in_the_address(
    visitor: Visitor, fleet: Fleet
) -> None:
    for name in ("a", "b", "c"):
        fleet.drift(fleet.stack(name), "drifted", [updated("a_b.this", "ports[0]", 1, name)])
    fleet.drift(fleet.stack("d"), "drifted", [deleted("a_b.this")])
    page = visitor.text("/drift?group=cause")
    assert "3 findings in 3 stacks" in words(page)
    assert "1 finding in 1 stack" in words(page)
    assert "ports[*]" in page
    one = re.search(r'href="(/drift\?group=cause&amp;cause=[^"]+)">Show all 3', page)
    assert one
    found = words(visitor.text(unescape(one[1])))
    assert all(f"stack {name}" in found for name in ("a", "b", "c"))
    assert "stack d" not in found


def test_a_filter_holds_for_stacks_and_causes(visitor: Visitor, fleet: Fleet) -> None:
    fleet.drift(fleet.stack("web"), "drifted", [updated("a_b.this", "size", 1, 2)])
    fleet.drift(fleet.stack("store", "bucket"), "drifted", [deleted("c_d.this")])
    for group in ("stack", "cause"):
        page = visitor.text(f"/drift?group={group}&kind=bucket")
        assert "store" in page
        assert "a_b" not in page
        assert "Remove the filter Kind bucket" in page
    assert "No matching stacks" in visitor.text("/drift?project=elsewhere")


@pytest.mark.parametrize("path", ["/drift?group=odd", "/drift?verdict=odd", "/drift?cursor=odd"])
def test_what_the_page_cannot_show_is_refused(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 422


def test_all_stacks_of_a_filter_are_made_due(visitor: Visitor, fleet: Fleet) -> None:
    later = utc_now() + timedelta(hours=1)
    wanted, other = fleet.stack("web"), fleet.stack("store", "bucket")
    with fleet.ctx.write() as session:
        for made in (wanted, other):
            session.get_one(Schedule, made.stack_id).next_check_at = later
    answer = visitor.post("/drift/checks", {"kind": "network"})
    assert "1 drift check scheduled." in words(visitor.text(answer.location))
    with fleet.ctx.read() as session:
        assert session.get_one(Schedule, wanted.stack_id).next_check_at < later
        assert session.get_one(Schedule, other.stack_id).next_check_at == later
        events = session.scalars(select(AuditEvent.action)).all()
    assert "drift.check_many" in events
    assert visitor.post("/drift/checks", {"verdict": "odd"}).status_code == 422
    for odd in ("due=x&queued=1&unwatched=1", "due=1", "due=99999999999&queued=1&unwatched=1"):
        assert "as soon as there is room" not in visitor.text(f"/drift?{odd}")


def test_a_viewer_sees_drift_and_may_do_nothing_about_it(
    outsider: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    fleet.member("vera", "a long password of hers", "viewer")
    assert outsider.sign_in("vera", "a long password of hers").status_code == 303
    stack = f"/stacks/{finding.stack_id}/drift"
    for path in ("/drift", stack, f"/drift/findings/{finding.id}"):
        page = outsider.text(path)
        assert "size" in page
        assert not re.search(r"Reconcile…|Acknowledge</button|Ignore…|Check (all )?now", page), path
    one = f"/drift/findings/{finding.id}"
    for path in (f"{one}/acknowledge", f"{one}/withdraw", f"{one}/ignore", "/drift/checks"):
        assert outsider.post(path, {"reason": "mine"}).status_code == 403, path
    form = {"report_id": finding.report_id}
    assert outsider.post(f"{stack}/reconcile", form).status_code == 403
    assert outsider.get(f"{stack}/reconcile").status_code == 403


def test_a_silent_detector_is_said_loudly(visitor: Visitor, fleet: Fleet) -> None:
    assert "has not run yet" in visitor.text("/drift")
    record_pulse(fleet.ctx)
    assert "Drift detection is running" in visitor.text("/drift")
    with fleet.ctx.write() as session:
        session.get_one(InstallationFact, PULSE).updated_at = utc_now() - timedelta(hours=3)
    assert "Drift detection stopped 3 h ago" in words(visitor.text("/drift"))


def test_the_trend_has_a_column_a_day_and_its_numbers_as_a_table(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "drifted", [deleted("a_b.this")])
    yesterday = utc_now().date() - timedelta(days=1)
    with fleet.ctx.write() as session:
        project = session.get_one(Stack, made.stack_id).project_id
        session.add(DriftDay(project_id=project, day=yesterday, drifted=3, unknown=2))
    page = visitor.text("/drift")
    assert page.count('<g class="chart__column">') == 30
    assert f"<title>{yesterday}: 3 drifted, 2 unknown</title>" in page
    assert f"{yesterday} 3 2" in words(page)
    assert f"{utc_now().date()} 1 0" in words(page)


def test_what_is_over_stays_in_the_history_of_its_stack(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 1, 2)])
    fleet.drift(made, "in_sync", [])
    page = words(visitor.text(f"/stacks/{made.stack_id}/drift"))
    assert "Resolved findings no longer present in the cloud this Changed outside Landform" in page
    assert "resolved just now" in page


def test_by_cause_shows_no_drift_that_an_apply_has_ended(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 1, 2)])
    assert "a_b" in visitor.text("/drift?group=cause")
    fleet.change_stack(made.stack_id, drift_status="not_checked")
    assert "a_b" not in visitor.text("/drift?group=cause")
