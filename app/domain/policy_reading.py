"""Read policies from plain values (a request's body, a pack's file), and say all that is wrong.

Bounded: a set has at most ``MAX_POLICIES``, a rule ``MAX_RULE`` characters. Whether a rule is
well-typed is found out where it is compiled (``app.services.policies.checks``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from app.domain.free_text import find_hidden
from app.domain.names import NAME_RULE, is_name
from app.domain.policies import (
    Expectation,
    Phase,
    Policy,
    PolicyScope,
    PolicySeverity,
    PolicyTest,
    Verdict,
)
from app.errors import FieldProblem, ValidationError

MAX_POLICIES = 100
MAX_RULE = 4000
MAX_TEXT = 500
MAX_NAMES = 50
MAX_TESTS = 30
POLICY_FIELDS = frozenset(
    {"name", "rule", "at", "verdict", "message", "when", "owner", "severity", "tests"}
)
SCOPE_FIELDS = frozenset({"kinds", "clouds", "projects", "labels"})
TEST_FIELDS = frozenset({"name", "at", "expect", "given"})

Choice = TypeVar("Choice", bound=StrEnum)


def read_policies(items: object, root: str = "/policies") -> tuple[Policy, ...]:
    """Read the policies of a set.

    Args:
        items: a list of objects with the fields of ``Policy``.
        root: the pointer of that list.

    Raises:
        ValidationError: has every problem with its pointer.
    """
    reader = _Reader()
    policies = reader.read_all(items, root)
    if reader.problems:
        raise ValidationError(
            "Some policies are not acceptable.", problems=tuple(reader.problems[:MAX_POLICIES])
        )
    return policies


def write_policy(policy: Policy) -> dict[str, Any]:
    """Return the plain values that ``read_policies`` reads."""
    when = policy.when
    return {
        "name": policy.name,
        "when": {
            "kinds": list(when.kinds),
            "clouds": list(when.clouds),
            "projects": list(when.projects),
            "labels": dict(when.labels),
        },
        "at": [phase.value for phase in policy.at],
        "rule": policy.rule,
        "verdict": policy.verdict.value,
        "message": policy.message,
        "owner": policy.owner,
        "severity": policy.severity.value,
        "tests": [
            {
                "name": test.name,
                "at": test.at.value,
                "expect": test.expect.value,
                "given": dict(test.given),
            }
            for test in policy.tests
        ],
    }


class _Reader:
    """Collects problems while it reads; what is wrong is replaced by something harmless."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def read_all(self, items: object, root: str) -> tuple[Policy, ...]:
        values = self._list(items, root, MAX_POLICIES, "policies")
        policies = tuple(self._policy(item, f"{root}/{place}") for place, item in enumerate(values))
        self._refuse_doubles([policy.name for policy in policies], root)
        return policies

    def _policy(self, item: object, at: str) -> Policy:
        data = self._object(item, at, POLICY_FIELDS)
        phases = self._list(data.get("at"), f"{at}/at", len(Phase), "phases")
        if not phases:
            self._note(f"{at}/at", "Say at least one of: request, plan, drift, adopt.")
        asked = [
            self._choice(phase, Phase, f"{at}/at/{place}", Phase.PLAN)
            for place, phase in enumerate(phases)
        ]
        tests = self._list(data.get("tests", []), f"{at}/tests", MAX_TESTS, "test cases")
        read = [self._test(test, f"{at}/tests/{place}") for place, test in enumerate(tests)]
        for place, test in enumerate(read):
            if test.at not in asked:
                self._note(f"{at}/tests/{place}/at", "The policy is not asked then; see its at.")
        self._refuse_doubles([test.name for test in read], f"{at}/tests")
        return Policy(
            name=self._name(data.get("name"), f"{at}/name"),
            rule=self._text(data.get("rule"), f"{at}/rule", MAX_RULE, is_prose=True),
            at=tuple(dict.fromkeys(asked)),
            verdict=self._choice(data.get("verdict"), Verdict, f"{at}/verdict", Verdict.DENY),
            message=self._text(data.get("message"), f"{at}/message", MAX_TEXT),
            when=self._scope(data.get("when", {}), f"{at}/when"),
            owner=self._text(data.get("owner", ""), f"{at}/owner", MAX_TEXT, is_optional=True),
            severity=self._choice(
                data.get("severity", "medium"),
                PolicySeverity,
                f"{at}/severity",
                PolicySeverity.MEDIUM,
            ),
            tests=tuple(read),
        )

    def _scope(self, item: object, at: str) -> PolicyScope:
        data = self._object(item, at, SCOPE_FIELDS)
        labels = self._object(data.get("labels", {}), f"{at}/labels", None)
        for name, value in labels.items():
            if not isinstance(value, str):
                self._note(f"{at}/labels/{name}", "Must be a text; * stands for any value.")
        return PolicyScope(
            kinds=self._names(data.get("kinds", []), f"{at}/kinds"),
            clouds=self._names(data.get("clouds", []), f"{at}/clouds"),
            projects=self._names(data.get("projects", []), f"{at}/projects"),
            labels={name: str(value) for name, value in labels.items()},
        )

    def _test(self, item: object, at: str) -> PolicyTest:
        data = self._object(item, at, TEST_FIELDS)
        return PolicyTest(
            name=self._text(data.get("name"), f"{at}/name", MAX_TEXT),
            at=self._choice(data.get("at"), Phase, f"{at}/at", Phase.PLAN),
            expect=self._choice(data.get("expect"), Expectation, f"{at}/expect", Expectation.HOLDS),
            given=self._object(data.get("given", {}), f"{at}/given", None),
        )

    def _names(self, item: object, at: str) -> tuple[str, ...]:
        values = self._list(item, at, MAX_NAMES, "names")
        for place, value in enumerate(values):
            if not isinstance(value, str):
                self._note(f"{at}/{place}", "Must be a name.")
        return tuple(str(value) for value in values)

    def _name(self, value: object, at: str) -> str:
        if isinstance(value, str) and is_name(value):
            return value
        self._note(at, f"A name has {NAME_RULE}.")
        return ""

    def _text(
        self,
        value: object,
        at: str,
        limit: int,
        *,
        is_prose: bool = False,
        is_optional: bool = False,
    ) -> str:
        if not isinstance(value, str) or not (value.strip() or is_optional):
            self._note(at, "Must be a text that is not empty.")
            return ""
        if len(value) > limit:
            self._note(at, f"Has {len(value)} characters; at most {limit} are allowed.")
        elif found := find_hidden(value, is_prose=is_prose):
            self._note(at, f"Has {found}, which cannot be seen or turns text around.")
        return value

    def _choice(self, value: object, choices: type[Choice], at: str, otherwise: Choice) -> Choice:
        if isinstance(value, str) and value in list(choices):
            return choices(value)
        self._note(at, f"Must be one of: {', '.join(choices)}.")
        return otherwise

    def _list(self, value: object, at: str, limit: int, what: str) -> Sequence[object]:
        if not isinstance(value, list):
            self._note(at, "Must be a list.")
            return []
        if len(value) > limit:
            self._note(at, f"Has {len(value)} {what}; at most {limit} are allowed.")
        return value[:limit]

    def _object(self, value: object, at: str, fields: Collection[str] | None) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self._note(at, "Must be an object.")
            return {}
        for name in value if fields is not None else ():
            if name not in (fields or ()):
                self._note(f"{at}/{name}", "Unknown field.")
        return value

    def _refuse_doubles(self, names: Sequence[str], at: str) -> None:
        for place, name in enumerate(names):
            if name and name in names[:place]:
                self._note(f"{at}/{place}/name", f"The name {name!r} is there twice.")

    def _note(self, at: str, message: str) -> None:
        self.problems.append(FieldProblem(at, message))
