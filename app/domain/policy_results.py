"""What policies said: kept with an operation, shown to people, and what it means together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.domain.policies import Phase, PolicySeverity, Verdict, strictest


@dataclass(frozen=True)
class PolicySource:
    """The version of the set that a policy is from."""

    set_id: str
    set_name: str
    version: int


@dataclass(frozen=True)
class PolicyResult:
    """What one policy said because its rule did not hold.

    Attributes:
        source: the set and its version.
        policy: its name.
        phase: when it was asked.
        verdict: what follows, before overrides.
        message: for people.
        severity: as its owner set it.
        owner: whom to ask.
        resources: the first addresses that it is about; none where it is about the whole.
        resource_count: how many there are.
        is_broken: whether it could not be evaluated.
        override_id: the override that lifted a denial, if one did.
    """

    source: PolicySource
    policy: str
    phase: Phase
    verdict: Verdict
    message: str
    severity: PolicySeverity
    owner: str = ""
    resources: tuple[str, ...] = ()
    resource_count: int = 0
    is_broken: bool = False
    override_id: str | None = None

    @property
    def effect(self) -> Verdict:
        """What follows: a denial that was overridden is a warning."""
        return Verdict.WARN if self.override_id is not None else self.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "set_id": self.source.set_id,
            "set": self.source.set_name,
            "version": self.source.version,
            "policy": self.policy,
            "at": self.phase.value,
            "verdict": self.verdict.value,
            "message": self.message,
            "severity": self.severity.value,
            "owner": self.owner,
            "resources": list(self.resources),
            "resource_count": self.resource_count,
            "broken": self.is_broken,
            "override_id": self.override_id,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what ``to_dict`` made."""
        return cls(
            source=PolicySource(data["set_id"], data["set"], data["version"]),
            policy=data["policy"],
            phase=Phase(data["at"]),
            verdict=Verdict(data["verdict"]),
            message=data["message"],
            severity=PolicySeverity(data["severity"]),
            owner=data["owner"],
            resources=tuple(data["resources"]),
            resource_count=data["resource_count"],
            is_broken=data["broken"],
            override_id=data["override_id"],
        )


def effect_of(results: Sequence[PolicyResult]) -> Verdict:
    """Return what follows from all results together."""
    return strictest(result.effect.value for result in results)


def those_with(results: Sequence[PolicyResult], effect: Verdict) -> list[PolicyResult]:
    """Return the results that have just this effect."""
    return [result for result in results if result.effect is effect]


def sentence(results: Sequence[PolicyResult]) -> str:
    """Say what policies said, one after another."""
    return " ".join(f"{result.policy}: {result.message}" for result in results)
