"""What policies say of a stack, with the project's own kinds."""

from __future__ import annotations

import pytest

from app.catalog.catalog import Catalog
from app.cel.evaluation import Given
from app.domain.policies import Phase, Policy, PolicyScope, Verdict
from app.domain.policy_results import PolicyResult, PolicySource
from app.services.context import Context
from app.services.policies.judging import MAX_RESOURCES, AskedPolicy, judge

SOURCE = PolicySource("pol_1", "basics", 1)


@pytest.fixture
def catalog(ctx: Context) -> Catalog:
    return ctx.catalog


def say(
    catalog: Catalog, rule: str, given: Given, verdict: Verdict = Verdict.WARN, message: str = "No."
) -> list[PolicyResult]:
    policy = Policy(
        "p", rule, (Phase.PLAN,), verdict, message, when=PolicyScope(kinds=("database",))
    )
    return judge(catalog, [AskedPolicy(SOURCE, policy)], Phase.PLAN, given)


def test_a_rule_that_holds_says_nothing(catalog: Catalog) -> None:
    assert say(catalog, "plan.destroy == 0", Given({"plan.destroy": 0})) == []
    assert judge(catalog, [], Phase.PLAN, Given({})) == []


def test_the_message_has_the_values(catalog: Catalog) -> None:
    given = Given({"parameters.storage_gb": 900, "stack.name": "orders"})
    message = "{stack.name} has {parameters.storage_gb} GB."
    [result] = say(catalog, "parameters.storage_gb <= 100", given, message=message)
    assert result.message == "orders has 900 GB."
    assert result.verdict is Verdict.WARN


def test_resources_are_named_and_counted(catalog: Catalog) -> None:
    changes = [
        {"change.address": f"aws_db_instance.x[{place}]", "change.action": "replace"}
        for place in range(MAX_RESOURCES + 5)
    ]
    [result] = say(
        catalog, "change.action != 'replace'", Given({}, changes), message="{change.address} goes."
    )
    assert result.resource_count == MAX_RESOURCES + 5
    assert len(result.resources) == MAX_RESOURCES
    assert result.message == "aws_db_instance.x[0] goes. This is so for 25 resources."


def test_a_policy_that_cannot_be_evaluated_denies(catalog: Catalog) -> None:
    change = {"change.address": "a.b", "change.after": {}}
    [result] = say(catalog, "change.after.encrypted == true", Given({}, [change]))
    assert (result.verdict, result.is_broken) == (Verdict.DENY, True)
    assert result.message.startswith("The rule could not be evaluated at a.b:")


def test_a_rule_that_does_not_compile_any_more_denies(catalog: Catalog) -> None:
    [result] = say(catalog, "parameters.gone == 1", Given({}))
    assert (result.verdict, result.is_broken) == (Verdict.DENY, True)


def test_a_plan_without_changes_breaks_no_rule_about_resources(catalog: Catalog) -> None:
    assert say(catalog, "change.action != 'replace'", Given({})) == []
