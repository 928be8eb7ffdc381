"""Ask policies about a stack: which of them are not met, and with what verdict.

A policy that cannot be evaluated counts as ``deny``, whatever its own verdict is, and says so:
a rule that nobody could check must not be taken for one that holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.catalog.catalog import Catalog
from app.cel.evaluation import Given, Rule, RuleAnswer, evaluate
from app.domain.plain_words import counted
from app.domain.policies import Phase, Policy, Verdict
from app.domain.policy_facts import (
    CHANGE,
    FactType,
    example,
    facts_at,
    fill_in,
    fitted,
    parameter_types,
)
from app.domain.policy_results import PolicyResult, PolicySource

MAX_RESOURCES = 20
"""How many of the resources are named that a policy speaks about; all are counted."""


@dataclass(frozen=True)
class AskedPolicy:
    """A policy with where it comes from."""

    source: PolicySource
    policy: Policy


@dataclass(frozen=True)
class Question:
    """A policy, when it is asked, and the facts that it is asked about."""

    asked: AskedPolicy
    phase: Phase
    given: Given


def judge(
    catalog: Catalog, asked: Sequence[AskedPolicy], phase: Phase, given: Given
) -> list[PolicyResult]:
    """Return what those policies say whose rule does not hold.

    Args:
        catalog: has the parameters of kinds.
        asked: those that are about the stack.
        phase: when they are asked.
        given: the facts of the stack and of each resource; what is left out is null or empty.

    Raises:
        RulesUnavailableError: the library is not there, or does not start.
    """
    questions = [Question(item, phase, given) for item in asked]
    return [result for result in judge_all(catalog, questions) if result is not None]


def judge_all(catalog: Catalog, questions: Sequence[Question]) -> list[PolicyResult | None]:
    """Return the answer to each question in turn; nothing where the rule holds.

    Raises:
        RulesUnavailableError: the library is not there, or does not start.
    """
    if not questions:
        return []
    job = _Job(catalog)
    rules = [job.add(question) for question in questions]
    answers = evaluate([as_texts(named) for named in job.types], job.givens, rules)
    return [
        _result(question, answer, job.givens[rule.given or 0])
        if answer.mistake or answer.error or answer.failed
        else None
        for question, rule, answer in zip(questions, rules, answers, strict=True)
    ]


class _Job:
    """What is evaluated at once; environments and values that several rules share are there once.

    Policies about the same kinds share their environment.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._numbers: dict[tuple[tuple[str, ...], Phase], int] = {}
        self._places: dict[tuple[int, int], int] = {}
        self.types: list[dict[str, FactType]] = []
        self.givens: list[Given] = []

    def add(self, question: Question) -> Rule:
        """Return the rule of a question with the numbers of its types and values."""
        policy = question.asked.policy
        key = (policy.when.kinds, question.phase)
        if key not in self._numbers:
            self._numbers[key] = len(self.types)
            self.types.append(types_for(self._catalog, policy, question.phase))
        number = self._numbers[key]
        place = (number, id(question.given))
        if place not in self._places:
            self._places[place] = len(self.givens)
            self.givens.append(completed(self.types[number], question.given))
        return Rule(policy.rule, number, self._places[place])


def types_for(catalog: Catalog, policy: Policy, phase: Phase) -> dict[str, FactType]:
    """Return what a policy may name at ``phase``: parameters of the kinds that it is about."""
    kinds = policy.when.kinds or tuple(catalog.kinds)
    schemas = [catalog.kinds[kind].parameters for kind in kinds if kind in catalog.kinds]
    return facts_at(phase, parameter_types(schemas))


def as_texts(types: Mapping[str, FactType]) -> dict[str, str]:
    """Return types by their names."""
    return {name: type_.value for name, type_ in types.items()}


def completed(types: Mapping[str, FactType], given: Given) -> Given:
    """Return a value for every fact of ``types``, and for no other."""
    empty = example(types)
    each = {name: value for name, value in empty.items() if name.startswith(CHANGE)}
    common = {name: value for name, value in empty.items() if name not in each}
    return Given(
        _fit(types, common, given.common),
        [_fit(types, each, change) for change in given.changes] if each else [],
    )


def _fit(
    types: Mapping[str, FactType], empty: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    return {name: fitted(types[name], values.get(name, empty[name])) for name in empty}


def _result(question: Question, answer: RuleAnswer, given: Given) -> PolicyResult:
    policy, places = question.asked.policy, answer.failed
    is_about_resources = answer.is_each and bool(places)
    first = given.changes[places[0]] if is_about_resources else {}
    wrong = answer.mistake.sentence() if answer.mistake else answer.error
    if wrong is None:
        message, verdict = fill_in(policy.message, {**given.common, **first}), policy.verdict
        if is_about_resources and len(places) > 1:
            message += f" This is so for {counted(len(places), 'resource')}."
    else:
        where = f" at {first.get('change.address')}" if first else ""
        message = f"The rule could not be evaluated{where}: {wrong.rstrip('.')}."
        verdict = Verdict.DENY
    named = places[:MAX_RESOURCES] if is_about_resources else ()
    return PolicyResult(
        source=question.asked.source,
        policy=policy.name,
        phase=question.phase,
        verdict=verdict,
        message=message,
        severity=policy.severity,
        owner=policy.owner,
        resources=tuple(str(given.changes[place].get("change.address")) for place in named),
        resource_count=len(places) if is_about_resources else 0,
        is_broken=wrong is not None,
    )
