"""Policies are checked before they are kept: names, types, messages, time, test cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.policies import Expectation, Phase, Policy, PolicyScope, PolicyTest, Verdict
from app.errors import ValidationError
from app.services.context import Context
from app.services.policies.checks import check_policies, refuse_failed_tests

POLICY = Policy(
    "regions",
    "stack.region in ['eu-west']",
    (Phase.REQUEST,),
    Verdict.DENY,
    "{stack.region} is not allowed.",
)
BOMB = "['aaaaaaaaaa']" + ".map(y, y + y + y + y + y + y + y + y + y + y)" * 9 + ".size() > 0"


def refuse(ctx: Context, policy: Policy) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        check_policies(ctx.catalog, [policy], ["default"])
    return {problem.pointer: problem.message for problem in caught.value.problems}


def test_a_good_policy_is_accepted(ctx: Context) -> None:
    assert check_policies(ctx.catalog, [POLICY], ["default"]) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("stack.regoin == 'x'", "Line 1, column 6: undeclared reference to 'stack.regoin'."),
        ("plan.destroy < 3", "Line 1, column 5: undeclared reference to 'plan.destroy'."),
        ("parameters.nothing == 1", "undeclared reference to 'parameters.nothing'"),
        ("parameters.password == ''", "undeclared reference"),
        ("stack.region == 3", "no matching overload"),
        ("stack.region", "gives STRING, not true or false"),
        (BOMB, "takes too long, or too much memory"),
    ],
)
def test_a_rule_is_refused_with_its_place(ctx: Context, rule: str, message: str) -> None:
    found = refuse(ctx, replace(POLICY, rule=rule))
    assert message in found["/policies/0/rule"]


def test_a_rule_must_fit_each_phase(ctx: Context) -> None:
    policy = replace(POLICY, rule="plan.destroy < 3", at=(Phase.PLAN, Phase.REQUEST))
    assert "plan.destroy" in refuse(ctx, policy)["/policies/0/rule"]


def test_parameters_are_those_of_the_kinds_that_it_is_about(ctx: Context) -> None:
    rule = "parameters.storage_gb < 100"
    about = PolicyScope(kinds=("database",))
    assert check_policies(ctx.catalog, [replace(POLICY, rule=rule, when=about)], []) == []
    refuse(ctx, replace(POLICY, rule=rule, when=PolicyScope(kinds=("network",))))


def test_unknown_names_are_told(ctx: Context) -> None:
    scope = PolicyScope(kinds=("teapot",), clouds=("moon",), projects=("gone",))
    found = refuse(ctx, replace(POLICY, when=scope))
    assert set(found) == {
        "/policies/0/when/kinds/0",
        "/policies/0/when/clouds/0",
        "/policies/0/when/projects/0",
    }


def test_a_message_names_facts_only(ctx: Context) -> None:
    found = refuse(ctx, replace(POLICY, message="{plan.destroy} go."))
    assert found == {"/policies/0/message": "Names 'plan.destroy', which is no fact at request."}


def test_test_cases_are_run(ctx: Context) -> None:
    case = PolicyTest("elsewhere", Phase.REQUEST, Expectation.FAILS, {"stack.region": "us-east"})
    wrong = replace(case, name="wrong", expect=Expectation.HOLDS)
    policy = replace(POLICY, tests=(case, wrong))
    first, second = check_policies(ctx.catalog, [policy], [])
    assert (first.is_passed, second.is_passed) == (True, False)
    with pytest.raises(ValidationError) as caught:
        refuse_failed_tests([policy], [first, second])
    [problem] = caught.value.problems
    assert problem.pointer == "/policies/0/tests/1"
    assert problem.message == "The rule fails, and the test case expects otherwise."


def test_a_test_case_that_cannot_be_evaluated_fails(ctx: Context) -> None:
    case = PolicyTest("none", Phase.REQUEST, Expectation.HOLDS, {})
    policy = replace(POLICY, rule="stack.labels['team'] == 'a'", tests=(case,))
    [outcome] = check_policies(ctx.catalog, [policy], [])
    assert not outcome.is_passed
    with pytest.raises(ValidationError, match="not acceptable") as caught:
        refuse_failed_tests([policy], [outcome])
    assert "could not be evaluated" in caught.value.problems[0].message


@pytest.mark.parametrize("given", [{"stack.nope": "x"}, {"stack.region": 3}, {"plan.destroy": 1}])
def test_a_test_case_gives_facts_of_their_type(ctx: Context, given: dict[str, object]) -> None:
    case = PolicyTest("odd", Phase.REQUEST, Expectation.HOLDS, given)
    [pointer] = refuse(ctx, replace(POLICY, tests=(case,)))
    assert pointer.startswith("/policies/0/tests/0/given/")
