"""The error of a policy that forbids what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from app.domain.policies import Verdict
from app.domain.policy_results import PolicyResult, those_with
from app.errors import ConflictError, FieldProblem


class PolicyDeniedError(ConflictError):
    """One policy or several forbid it; ``context`` has all that spoke, ``errors`` what forbids."""

    code = "policy_denied"
    title = "Policies forbid this"
    advice = (
        "Change the request as the policies say, or ask somebody with the right policy:override "
        "for an exception."
    )

    @classmethod
    def of(cls, results: Sequence[PolicyResult]) -> Self:
        """Build the error of all that policies said."""
        denials = those_with(results, Verdict.DENY)
        said = " ".join(f"{result.policy}: {result.message}" for result in denials)
        return cls(
            f"Forbidden by policy. {said}",
            problems=tuple(
                FieldProblem("", f"{result.policy}: {result.message}") for result in denials
            ),
            context={"policies": [result.to_dict() for result in results]},
        )
