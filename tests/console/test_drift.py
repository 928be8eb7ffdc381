"""The drift page: what changed behind Landform's back, and what is not known."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.console.drift import DRIFT_ROWS
from app.models import (
    AuditEvent,
    DriftDay,
    DriftFinding,
    DriftRule,
    InstallationFact,
    Operation,
    Schedule,
    Stack,
)
from app.services.detector import PULSE, record_pulse
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made, deleted, updated


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
    assert "2 deleted, 1 changed outside." in page
    assert "Reconciling would re-create 2, change back 1." in page
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
        assert "Remove the filter kind bucket" in page
    assert "No stack matches" in visitor.text("/drift?project=elsewhere")


@pytest.mark.parametrize("path", ["/drift?group=odd", "/drift?verdict=odd", "/drift?cursor=odd"])
def test_what_the_page_cannot_show_is_refused(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 422


def test_acknowledging_says_who_and_hides_nothing(
    visitor: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    path = f"/drift/findings/{finding.id}"
    answer = visitor.post(f"{path}/acknowledge", {"note": "asked Ann", "next": "/drift"})
    assert answer.location == "/drift"
    page = words(visitor.text("/drift"))
    assert "admin knows of it since just now : asked Ann" in page
    assert "1 changed outside." in page
    assert visitor.post(f"{path}/withdraw").location == path
    assert "knows of it" not in visitor.text(path)


def test_an_ignored_finding_is_shown_as_hidden_until_its_rule_ends(
    visitor: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    form = {"reason": "the autoscaler does it", "days": "7"}
    assert visitor.post(f"/drift/findings/{finding.id}/ignore", form).status_code == 303
    with fleet.ctx.read() as session:
        rule = session.scalars(select(DriftRule)).one()
        assert session.get_one(Stack, finding.stack_id).drift_status == "in_sync"
    assert timedelta(days=6.9) < rule.expires_at - utc_now() < timedelta(days=7)
    assert (rule.path, rule.stack_id, rule.owner) == ("size", finding.stack_id, "admin")
    page = words(visitor.text("/drift?group=hidden"))
    assert "Hidden by a rule of admin until in 6 d : the autoscaler does it" in page
    assert "Hidden" in visitor.text("/drift?verdict=in_sync")
    assert "size" in visitor.text(f"/stacks/{finding.stack_id}/drift")
    assert visitor.post(f"/drift/rules/{rule.id}/end", {"version": "9"}).status_code == 412
    assert visitor.post(f"/drift/rules/{rule.id}/end").status_code == 422
    end = {"next": "/drift?group=hidden", "version": "1"}
    assert visitor.post(f"/drift/rules/{rule.id}/end", end).location == "/drift?group=hidden"
    assert "Nothing is hidden" in visitor.text("/drift?group=hidden")
    with fleet.ctx.read() as session:
        assert session.get_one(Stack, finding.stack_id).drift_status == "drifted"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"reason": "", "path": "kept"}, "Say why it may be hidden."),
        ({"reason": "x" * 501, "path": "kept"}, "Write at most 500 characters."),
        ({"reason": "fine", "path": "kept" * 51}, "Write at most 200 characters."),
    ],
)
def test_what_was_typed_comes_back_with_what_is_wrong(
    visitor: Visitor, finding: DriftFinding, form: dict[str, str], said: str
) -> None:
    answer = visitor.post(f"/drift/findings/{finding.id}/ignore", form)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{form["path"]}"' in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_a_time_that_is_not_offered_is_refused(visitor: Visitor, finding: DriftFinding) -> None:
    form = {"reason": "fine", "days": "99999"}
    assert visitor.post(f"/drift/findings/{finding.id}/ignore", form).status_code == 422


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
    assert "nothing that could be accepted" in page
    assert 'name="report_id"' not in page
    assert visitor.get(f"/stacks/{made.stack_id}/drift/explode").status_code == 404
    assert visitor.post(f"/stacks/{made.stack_id}/drift/explode").status_code == 404


def test_all_stacks_of_a_filter_are_made_due(visitor: Visitor, fleet: Fleet) -> None:
    later = utc_now() + timedelta(hours=1)
    wanted, other = fleet.stack("web"), fleet.stack("store", "bucket")
    with fleet.ctx.write() as session:
        for made in (wanted, other):
            session.get_one(Schedule, made.stack_id).next_check_at = later
    answer = visitor.post("/drift/checks", {"kind": "network"})
    assert "1 stack is checked as soon as there is room" in words(visitor.text(answer.location))
    with fleet.ctx.read() as session:
        assert session.get_one(Schedule, wanted.stack_id).next_check_at < later
        assert session.get_one(Schedule, other.stack_id).next_check_at == later
        events = session.scalars(select(AuditEvent.action)).all()
    assert "drift.check_many" in events
    assert visitor.post("/drift/checks", {"verdict": "odd"}).status_code == 422
    for odd in ("due=x&queued=1&unwatched=1", "due=1", "due=99999999999&queued=1&unwatched=1"):
        assert "as soon as there is room" not in visitor.text(f"/drift?{odd}")


def test_a_viewer_sees_drift_and_may_do_nothing_about_it(
    stranger: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    fleet.member("vera", "a long password of hers", "viewer")
    assert stranger.sign_in("vera", "a long password of hers").status_code == 303
    stack = f"/stacks/{finding.stack_id}/drift"
    for path in ("/drift", stack, f"/drift/findings/{finding.id}"):
        page = stranger.text(path)
        assert "size" in page
        assert not re.search(r"Reconcile…|Acknowledge</button|Ignore…|Check (all )?now", page), path
    one = f"/drift/findings/{finding.id}"
    for path in (f"{one}/acknowledge", f"{one}/withdraw", f"{one}/ignore", "/drift/checks"):
        assert stranger.post(path, {"reason": "mine"}).status_code == 403, path
    form = {"report_id": finding.report_id}
    assert stranger.post(f"{stack}/reconcile", form).status_code == 403
    assert stranger.get(f"{stack}/reconcile").status_code == 403


def test_an_outsider_does_not_learn_that_a_finding_exists(
    stranger: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    fleet.member("otto", "a long password of his", None)
    stranger.sign_in("otto", "a long password of his")
    assert stranger.get(f"/drift/findings/{finding.id}").status_code == 404
    assert stranger.post(f"/drift/findings/{finding.id}/acknowledge").status_code == 404
    assert "size" not in stranger.text("/drift?group=cause")


def test_a_silent_detector_is_said_loudly(visitor: Visitor, fleet: Fleet) -> None:
    assert "has not ticked yet" in visitor.text("/drift")
    record_pulse(fleet.ctx)
    assert "The detector ticks" in visitor.text("/drift")
    with fleet.ctx.write() as session:
        session.get_one(InstallationFact, PULSE).updated_at = utc_now() - timedelta(hours=3)
    assert "The detector is silent since 3 h ago" in words(visitor.text("/drift"))


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
    assert "Over what was found once and is gone this changed outside" in page
    assert "gone just now" in page


@pytest.fixture
def finding(fleet: Fleet) -> DriftFinding:
    """A drifted attribute of a stack."""
    made: Made = fleet.stack("web")
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 1, 2)])
    with fleet.ctx.read() as session:
        return session.scalars(select(DriftFinding)).one()


def words(page: str) -> str:
    """Return what a person reads of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split()).replace(" .", ".")
