from __future__ import annotations

import pytest

from app.domain.policies import PolicyScope, PolicySubject, Verdict, strictest

STACK = PolicySubject("database", "aws", "shop", {"team": "a"})


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        (PolicyScope(), True),
        (PolicyScope(kinds=("bucket", "database")), True),
        (PolicyScope(kinds=("bucket",)), False),
        (PolicyScope(clouds=("gcp",)), False),
        (PolicyScope(projects=("shop",)), True),
        (PolicyScope(projects=("other",)), False),
        (PolicyScope(labels={"team": "a"}), True),
        (PolicyScope(labels={"team": "*"}), True),
        (PolicyScope(labels={"team": "b"}), False),
        (PolicyScope(labels={"tier": "*"}), False),
    ],
)
def test_a_scope_covers_what_all_its_limits_allow(scope: PolicyScope, is_covered: bool) -> None:
    assert scope.covers(STACK) is is_covered


def test_the_strictest_verdict_counts() -> None:
    assert strictest([]) is Verdict.ALLOW
    assert strictest(["warn", "deny", "allow", "needs_approval"]) is Verdict.DENY
    assert strictest(["warn", "needs_approval"]) is Verdict.NEEDS_APPROVAL
