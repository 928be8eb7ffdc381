from __future__ import annotations

from dataclasses import replace

from app.domain.policies import Phase, PolicySeverity, Verdict
from app.domain.policy_results import (
    PolicyResult,
    PolicySource,
    effect_of,
    sentence,
    those_with,
)

DENIED = PolicyResult(
    PolicySource("pol_1", "basics", 3),
    "regions",
    Phase.REQUEST,
    Verdict.DENY,
    "us-east is not allowed.",
    PolicySeverity.HIGH,
    resources=("a.b",),
    resource_count=1,
)


def test_a_result_is_kept_and_read_again() -> None:
    assert PolicyResult.from_dict(DENIED.to_dict()) == DENIED


def test_an_overridden_denial_is_a_warning() -> None:
    lifted = replace(DENIED, override_id="ovr_1")
    assert (effect_of([lifted]), effect_of([lifted, DENIED])) == (Verdict.WARN, Verdict.DENY)
    assert those_with([lifted, DENIED], Verdict.DENY) == [DENIED]
    assert sentence([DENIED]) == "regions: us-east is not allowed."
    assert effect_of([]) is Verdict.ALLOW
