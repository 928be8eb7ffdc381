"""Policies: what must hold of a request, of a plan or of drift, and what follows where it does not.

Owns the parts of a policy, which stacks it is about, and how several verdicts become one. What a
rule may name is in ``app.domain.policy_facts``; how it is evaluated in ``app.cel``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """When a policy is asked."""

    REQUEST = "request"
    PLAN = "plan"
    DRIFT = "drift"
    ADOPT = "adopt"


class Verdict(StrEnum):
    """What follows where a rule does not hold, from the mildest to the strictest."""

    ALLOW = "allow"
    WARN = "warn"
    NEEDS_APPROVAL = "needs_approval"
    DENY = "deny"


class PolicySeverity(StrEnum):
    """How much it matters to its owner; shown, and no part of the verdict."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Expectation(StrEnum):
    """What a test case expects of the rule."""

    HOLDS = "holds"
    FAILS = "fails"


_STRICTNESS = {verdict: place for place, verdict in enumerate(Verdict)}


def strictest(verdicts: Iterable[str]) -> Verdict:
    """Return the verdict that counts of several; ``allow`` where none spoke."""
    return max((Verdict(item) for item in verdicts), key=_STRICTNESS.__getitem__, default=_ALLOW)


_ALLOW = Verdict.ALLOW


@dataclass(frozen=True)
class PolicySubject:
    """The stack that policies are asked about."""

    kind: str
    cloud: str
    project: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyScope:
    """Which stacks a policy is about; what is empty does not limit.

    ``labels`` must all be there with the given value; ``*`` stands for any value.
    """

    kinds: tuple[str, ...] = ()
    clouds: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def covers(self, subject: PolicySubject) -> bool:
        """Tell whether the policy is about ``subject``."""
        limits = (
            (self.kinds, subject.kind),
            (self.clouds, subject.cloud),
            (self.projects, subject.project),
        )
        if any(allowed and value not in allowed for allowed, value in limits):
            return False
        found = subject.labels
        return all(
            name in found and wanted in ("*", found[name]) for name, wanted in self.labels.items()
        )


@dataclass(frozen=True)
class PolicyTest:
    """A test case: what is given, over the values of ``policy_facts.example``, and what follows.

    ``given`` has facts by name (``stack.region``, ``parameters.size``, ``change.action``).
    """

    name: str
    at: Phase
    expect: Expectation
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """One policy.

    Attributes:
        name: unique in its set.
        rule: a CEL expression that is true where all is well.
        at: when it is asked.
        verdict: what follows where the rule is false.
        message: what people are told then; ``{stack.region}`` stands for the value of that fact.
        when: which stacks it is about.
        owner: whom to ask about it.
        severity: how much it matters.
        tests: run whenever the set is saved.
    """

    name: str
    rule: str
    at: tuple[Phase, ...]
    verdict: Verdict
    message: str
    when: PolicyScope = field(default_factory=PolicyScope)
    owner: str = ""
    severity: PolicySeverity = PolicySeverity.MEDIUM
    tests: tuple[PolicyTest, ...] = ()

    def is_asked(self, phase: Phase, subject: PolicySubject) -> bool:
        """Tell whether the policy is asked at ``phase`` about ``subject``."""
        return phase in self.at and self.when.covers(subject)
