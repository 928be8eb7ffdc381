"""Rules are evaluated in a child that cannot be kept busy, filled up or taken down."""

from __future__ import annotations

import os

import pytest

from app.cel import evaluation
from app.cel.cel_errors import RulesUnavailableError
from app.cel.evaluation import TOO_LONG, Given, Rule, RuleAnswer, evaluate

TYPES = {
    "stack.region": "string",
    "stack.labels": "map<string, string>",
    "plan.destroy": "int",
    "plan.by_type": "map<string, int>",
    "parameters.zones": "dyn",
    "change.action": "string",
    "change.after": "map<string, dyn>",
}
COMMON = {
    "stack.region": "eu-west",
    "stack.labels": {"team": "a"},
    "plan.destroy": 3,
    "plan.by_type": {"x": 2},
    "parameters.zones": None,
}
CHANGES = [
    {"change.action": "create", "change.after": {"public": False}},
    {"change.action": "delete", "change.after": {}},
    {"change.action": "create", "change.after": {"public": True}},
]
TWENTY = str(list(range(20)))
NESTED = (
    f"{TWENTY}.map(a, {TWENTY}.map(b, {TWENTY}.map(c, {TWENTY}.map(d, a * b * c * d)))).size() > 0"
)
TEN_TIMES = ".map(y, y + y + y + y + y + y + y + y + y + y)"
BOMB = "['aaaaaaaaaa']" + TEN_TIMES * 9 + ".size() > 0"


def ask(*sources: str) -> list[RuleAnswer]:
    given = [Given(COMMON, CHANGES)]
    return evaluate([TYPES], given, [Rule(source, 0, 0) for source in sources])


def test_a_rule_holds_or_fails_of_the_whole() -> None:
    assert ask("stack.region == 'eu-west'", "plan.destroy < 3") == [
        RuleAnswer(),
        RuleAnswer(failed=(0,)),
    ]


def test_a_rule_that_names_a_resource_is_asked_for_each() -> None:
    [answer] = ask("!has(change.after.public) || change.after.public == false")
    assert answer == RuleAnswer(is_each=True, failed=(2,))


def test_a_value_that_is_not_set_is_null() -> None:
    assert ask("parameters.zones == null") == [RuleAnswer()]


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        ("stack.regoin == 'x'", 1, 6, "undeclared reference to 'stack.regoin'"),
        ("true &&\n  plan.nope > 1", 2, 7, "undeclared reference to 'plan.nope'"),
        ("stack.region == 1", 1, 14, "no matching overload"),
        ("plan.destroy >", 1, 15, "Syntax error"),
        ("plan.destroy", 1, 1, "gives INT, not true or false"),
        ("(" * 200 + "true" + ")" * 200, 1, 1, "recursion limit"),
        ("", 1, 1, "Syntax error"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    source: str, line: int, column: int, message: str
) -> None:
    [answer] = ask(source)
    assert answer.mistake is not None
    assert (answer.mistake.line, answer.mistake.column) == (line, column)
    assert message in answer.mistake.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0 == 1", "divide by zero"),
        ("stack.labels['nope'] == 'x'", "not found"),
        ("9223372036854775807 + plan.destroy > 0", "overflow"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_says_why(source: str, message: str) -> None:
    [answer] = ask(source)
    assert answer.error is not None
    assert message in answer.error


@pytest.mark.parametrize("source", [NESTED, BOMB])
def test_a_hostile_rule_is_stopped_and_the_others_are_evaluated(source: str) -> None:
    before, stopped, after = ask("true", source, "plan.destroy == 2")
    assert (before, after) == (RuleAnswer(), RuleAnswer(failed=(0,)))
    assert stopped.error == TOO_LONG


def test_after_several_hostile_rules_the_rest_is_not_evaluated() -> None:
    answers = ask(*[BOMB] * 6, "true")
    assert all(answer.error for answer in answers)
    assert answers[-1].error == evaluation.NOT_EVALUATED


def test_a_rule_may_not_reach_the_machine() -> None:
    [answer] = ask("open('/etc/passwd') == ''")
    assert answer.mistake is not None


def test_whatever_is_given_stays_data() -> None:
    given = [Given(COMMON | {"stack.region": "' || true || '"})]
    [answer] = evaluate([TYPES], given, [Rule("stack.region == 'eu-west'", 0, 0)])
    assert answer.failed == (0,)


def test_a_value_of_another_type_is_an_error_and_no_success() -> None:
    given = [Given(COMMON | {"plan.destroy": "none"})]
    [answer] = evaluate([TYPES], given, [Rule("plan.destroy < 100", 0, 0)])
    assert answer.error is not None


def test_without_the_library_nothing_is_said_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "_place_of_library", lambda: os.devnull)
    with pytest.raises(RulesUnavailableError):
        ask("true")
