"""One finding: acknowledged, ignored for a time, and hidden from outsiders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.models import DriftFinding, DriftRule, Stack
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet


def test_acknowledging_says_who_and_hides_nothing(
    visitor: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    path = f"/drift/findings/{finding.id}"
    answer = visitor.post(f"{path}/acknowledge", {"note": "asked Ann", "next": "/drift"})
    assert answer.location == "/drift?done=acknowledged"
    page = words(visitor.text("/drift"))
    assert "admin acknowledged it just now : asked Ann" in page
    assert "1 changed outside Landform." in page
    assert visitor.post(f"{path}/withdraw").location == f"{path}?done=unacknowledged"
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
    assert "Hidden by an ignore rule of admin until in 6 d : the autoscaler does it" in page
    assert "Hidden" in visitor.text("/drift?verdict=in_sync")
    assert "size" in visitor.text(f"/stacks/{finding.stack_id}/drift")
    assert visitor.post(f"/drift/rules/{rule.id}/end", {"version": "9"}).status_code == 412
    assert visitor.post(f"/drift/rules/{rule.id}/end").status_code == 422
    end = {"next": "/drift?group=hidden", "version": "1"}
    assert visitor.post(f"/drift/rules/{rule.id}/end", end).location == (
        "/drift?group=hidden&done=rule-ended"
    )
    assert "No hidden findings" in visitor.text("/drift?group=hidden")
    with fleet.ctx.read() as session:
        assert session.get_one(Stack, finding.stack_id).drift_status == "drifted"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"reason": "", "path": "kept"}, "Enter a reason."),
        ({"reason": "x" * 501, "path": "kept"}, "Enter at most 500 characters."),
        ({"reason": "fine", "path": "kept" * 51}, "Enter at most 200 characters."),
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


def test_an_outsider_does_not_learn_that_a_finding_exists(
    outsider: Visitor, fleet: Fleet, finding: DriftFinding
) -> None:
    fleet.member("otto", "a long password of his", None)
    outsider.sign_in("otto", "a long password of his")
    assert outsider.get(f"/drift/findings/{finding.id}").status_code == 404
    assert outsider.post(f"/drift/findings/{finding.id}/acknowledge").status_code == 404
    assert "size" not in outsider.text("/drift?group=cause")
