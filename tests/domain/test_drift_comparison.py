"""What a comparison found comes back from its JSON as it went."""

from __future__ import annotations

import json

import pytest

from app.domain.drift_comparison import Comparison
from app.domain.plan_summary import PlanSummary


@pytest.mark.parametrize("has_pending_changes", [False, True])
def test_a_comparison_survives_its_way_through_json(*, has_pending_changes: bool) -> None:
    found = Comparison(
        changes=({"address": "a.b", "action": "update"}, {"address": "a.c", "action": "delete"}),
        has_pending_changes=has_pending_changes,
        summary=PlanSummary(add=1, import_=2),
    )
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_comparison_says_that_all_is_as_described_until_something_is_found() -> None:
    nothing = Comparison()
    assert nothing.to_dict() == {
        "changes": [],
        "has_pending_changes": False,
        "summary": PlanSummary().to_dict(),
    }
    assert nothing.summary.is_empty
