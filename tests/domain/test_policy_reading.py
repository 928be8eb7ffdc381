from __future__ import annotations

from typing import Any

import pytest

from app.domain.policies import Expectation, Phase, PolicySeverity, Verdict
from app.domain.policy_reading import MAX_POLICIES, MAX_RULE, read_policies, write_policy
from app.errors import ValidationError

POLICY: dict[str, Any] = {
    "name": "regions",
    "when": {"kinds": ["database"], "labels": {"tier": "*"}},
    "at": ["request", "plan"],
    "rule": "stack.region in ['eu-west']",
    "verdict": "deny",
    "message": "{stack.region} is not allowed.",
    "owner": "platform@example.com",
    "severity": "high",
    "tests": [
        {
            "name": "elsewhere",
            "at": "request",
            "expect": "fails",
            "given": {"stack.region": "us-east"},
        }
    ],
}


def test_what_is_read_is_written_again() -> None:
    [policy] = read_policies([POLICY])
    assert policy.at == (Phase.REQUEST, Phase.PLAN)
    assert (policy.verdict, policy.severity) == (Verdict.DENY, PolicySeverity.HIGH)
    assert policy.tests[0].expect is Expectation.FAILS
    assert read_policies([write_policy(policy)]) == (policy,)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "Bad Name"}, "/policies/0/name"),
        ({"name": None}, "/policies/0/name"),
        ({"rule": ""}, "/policies/0/rule"),
        ({"rule": 3}, "/policies/0/rule"),
        ({"rule": "x" * (MAX_RULE + 1)}, "/policies/0/rule"),
        ({"at": []}, "/policies/0/at"),
        ({"at": ["never"]}, "/policies/0/at/0"),
        ({"at": "plan"}, "/policies/0/at"),
        ({"verdict": "maybe"}, "/policies/0/verdict"),
        ({"message": " "}, "/policies/0/message"),
        ({"message": "a\u202eb"}, "/policies/0/message"),
        ({"owner": 1}, "/policies/0/owner"),
        ({"severity": "fatal"}, "/policies/0/severity"),
        ({"when": {"kind": ["x"]}}, "/policies/0/when/kind"),
        ({"when": {"kinds": [1]}}, "/policies/0/when/kinds/0"),
        ({"when": {"labels": {"a": 1}}}, "/policies/0/when/labels/a"),
        ({"when": []}, "/policies/0/when"),
        ({"extra": 1}, "/policies/0/extra"),
        ({"tests": [{**POLICY["tests"][0], "at": "drift"}]}, "/policies/0/tests/0/at"),
        ({"tests": [POLICY["tests"][0]] * 2}, "/policies/0/tests/1/name"),
        ({"tests": [{}]}, "/policies/0/tests/0/name"),
    ],
)
def test_each_mistake_has_its_pointer(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_policies([POLICY | change])
    assert pointer in [problem.pointer for problem in caught.value.problems]


@pytest.mark.parametrize("items", [None, {}, "x", [3], [POLICY] * 2, [{}] * (MAX_POLICIES + 1)])
def test_what_is_no_set_is_refused(items: object) -> None:
    with pytest.raises(ValidationError):
        read_policies(items)
