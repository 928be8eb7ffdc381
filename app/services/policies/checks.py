"""Check policies before they are kept: names, types, messages, and their test cases.

A rule that names what no kind and no plan has, compares different types, or takes too long with
the simplest values is refused with its line and column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.catalog.catalog import Catalog
from app.catalog.parameters import to_pointer
from app.cel.evaluation import TOO_LONG, Given, Rule, RuleAnswer, evaluate
from app.domain.policies import Expectation, Phase, Policy, PolicyTest
from app.domain.policy_facts import CHANGE, FactType, explain_misfit, placeholders
from app.errors import FieldProblem, ValidationError
from app.services.policies.judging import as_texts, completed, types_for

ROOT = "/policies"


@dataclass(frozen=True)
class CaseOutcome:
    """What a test case of a policy came to; ``error`` says why there was nothing to compare."""

    policy: str
    test: str
    expected: Expectation
    found: Expectation | None
    error: str | None = None

    @property
    def is_passed(self) -> bool:
        """Whether the rule did what the test case expects."""
        return self.found is self.expected


@dataclass(frozen=True)
class _Trial:
    """One evaluation that a check makes: of a rule alone, or of one of its test cases."""

    place: int
    policy: Policy
    phase: Phase
    test_place: int | None = None

    @property
    def test(self) -> PolicyTest | None:
        return None if self.test_place is None else self.policy.tests[self.test_place]

    @property
    def given(self) -> Given:
        values = {} if self.test is None else self.test.given
        change = {name: value for name, value in values.items() if name.startswith(CHANGE)}
        return Given({name: values[name] for name in values if name not in change}, [change])


def check_policies(
    catalog: Catalog, policies: Sequence[Policy], project_names: Collection[str]
) -> list[CaseOutcome]:
    """Check policies and run their test cases.

    Args:
        catalog: has the kinds and clouds that they may name.
        policies: of one set.
        project_names: the projects that they may name.

    Returns:
        What each test case came to; the caller decides whether a failed one is in the way.

    Raises:
        ValidationError: has every problem with its pointer; those of rules with line and column.
    """
    problems = list(_unknown_names(catalog, policies, project_names))
    trials = list(_trials(policies))
    types = [types_for(catalog, trial.policy, trial.phase) for trial in trials]
    for trial, named in zip(trials, types, strict=True):
        problems += _misfits(trial, named)
    if problems:
        raise _refusal(problems)
    answers = _evaluate(trials, types)
    problems = [
        problem
        for trial, answer in zip(trials, answers, strict=True)
        for problem in _rule_problems(trial, answer)
    ]
    if problems:
        raise _refusal(problems)
    found = zip(trials, answers, strict=True)
    return [_outcome(trial, trial.test, answer) for trial, answer in found if trial.test]


def refuse_failed_tests(policies: Sequence[Policy], outcomes: Sequence[CaseOutcome]) -> None:
    """Refuse policies of which a test case does not come to what it expects.

    Raises:
        ValidationError: has each of them with its pointer.
    """
    places = {policy.name: place for place, policy in enumerate(policies)}
    problems = []
    for outcome in outcomes:
        if not outcome.is_passed:
            place = places[outcome.policy]
            names = [test.name for test in policies[place].tests]
            pointer = f"{ROOT}/{place}/tests/{names.index(outcome.test)}"
            problems.append(FieldProblem(pointer, explain(outcome)))
    if problems:
        raise _refusal(problems)


def explain(outcome: CaseOutcome) -> str:
    """Say what a failed test case came to."""
    if outcome.error is not None:
        return f"The rule could not be evaluated: {outcome.error.rstrip('.')}."
    is_held = outcome.found is Expectation.HOLDS
    return f"The rule {'holds' if is_held else 'fails'}, and the test case expects otherwise."


def _trials(policies: Sequence[Policy]) -> Iterator[_Trial]:
    for place, policy in enumerate(policies):
        for phase in policy.at:
            yield _Trial(place, policy, phase)
        for number, test in enumerate(policy.tests):
            yield _Trial(place, policy, test.at, number)


def _evaluate(
    trials: Sequence[_Trial], types: Sequence[Mapping[str, FactType]]
) -> list[RuleAnswer]:
    givens = [completed(named, trial.given) for trial, named in zip(trials, types, strict=True)]
    rules = [Rule(trial.policy.rule, place, place) for place, trial in enumerate(trials)]
    return evaluate([as_texts(named) for named in types], givens, rules)


def _unknown_names(
    catalog: Catalog, policies: Sequence[Policy], project_names: Collection[str]
) -> Iterator[FieldProblem]:
    for place, policy in enumerate(policies):
        known: dict[str, tuple[Sequence[str], Collection[str]]] = {
            "kinds": (policy.when.kinds, catalog.kinds),
            "clouds": (policy.when.clouds, catalog.clouds),
            "projects": (policy.when.projects, project_names),
        }
        for name, (named, there) in known.items():
            for number, value in enumerate(named):
                if value not in there:
                    pointer = f"{ROOT}/{place}/when/{name}/{number}"
                    yield FieldProblem(pointer, f"There is no such thing: {value!r}.")


def _misfits(trial: _Trial, types: Mapping[str, FactType]) -> Iterator[FieldProblem]:
    """Find what a message or a test case names that is not there, or of another type."""
    at = f"{ROOT}/{trial.place}"
    if trial.test is None:
        names = placeholders(trial.policy.message)
        for name in [name for name in names if name not in types]:
            yield FieldProblem(
                f"{at}/message", f"Names {name!r}, which is no fact at {trial.phase.value}."
            )
        return
    for name, value in trial.test.given.items():
        pointer = f"{at}/tests/{trial.test_place}" + to_pointer(("given", name))
        if name not in types:
            yield FieldProblem(pointer, f"Is no fact at {trial.phase.value}.")
        elif message := explain_misfit(types[name], value):
            yield FieldProblem(pointer, message)


def _rule_problems(trial: _Trial, answer: RuleAnswer) -> Iterator[FieldProblem]:
    """Find out why a rule is refused; test cases of it would only say the same again."""
    if trial.test is not None:
        return
    pointer = f"{ROOT}/{trial.place}/rule"
    if answer.mistake is not None:
        yield FieldProblem(pointer, answer.mistake.sentence())
    elif answer.error == TOO_LONG:
        yield FieldProblem(pointer, "The rule takes too long, or too much memory; simplify it.")


def _outcome(trial: _Trial, test: PolicyTest, answer: RuleAnswer) -> CaseOutcome:
    found = None
    if answer.error is None:
        found = Expectation.FAILS if answer.failed else Expectation.HOLDS
    return CaseOutcome(trial.policy.name, test.name, test.expect, found, answer.error)


def _refusal(problems: Sequence[FieldProblem]) -> ValidationError:
    unique = tuple(dict.fromkeys(problems))
    return ValidationError("Some policies are not acceptable.", problems=unique)
