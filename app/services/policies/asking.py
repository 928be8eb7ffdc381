"""Ask all enabled policies about a stack: when something is requested, planned, or has drifted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cel.evaluation import Given
from app.domain.operation_registry import facts_of
from app.domain.policies import Phase, PolicySubject, Verdict
from app.domain.policy_errors import PolicyDeniedError
from app.domain.policy_facts import PARAMETER
from app.domain.policy_reading import read_policies
from app.domain.policy_results import PolicyResult, PolicySource, effect_of
from app.models import Operation, PolicySet, Stack
from app.services.policies.judging import AskedPolicy, judge
from app.services.policies.overrides import lift_denials
from app.services.work import Work


def ask_at_request(work: Work, stack: Stack, operation_type: str) -> list[PolicyResult]:
    """Ask policies about what somebody requests; the stack is as it is wanted.

    Raises:
        PolicyDeniedError: a policy forbids it, and no exception lifts that.
        RulesUnavailableError: policies cannot be evaluated on this machine.
    """
    if not facts_of(operation_type).may_mutate:
        return []
    asked = asked_policies(enabled_sets(work.session), Phase.REQUEST, subject_of(stack))
    facts = stack_facts(stack, operation_type, work.principal.name)
    found = judge(work.ctx.catalog, asked, Phase.REQUEST, Given(facts))
    results = lift_denials(work.session, stack, found)
    if effect_of(results) is Verdict.DENY:
        raise PolicyDeniedError.of(results)
    return results


def keep_request_results(operation: Operation, results: Sequence[PolicyResult]) -> None:
    """Keep what policies said when the operation was requested, if they said anything."""
    if results:
        keep_results(operation, (Phase.REQUEST,), results)


def keep_results(
    operation: Operation, phases: Iterable[Phase], results: Sequence[PolicyResult]
) -> None:
    """Keep what policies said with an operation, beside what they said at other phases before.

    Where one of them wants it, the plan of the operation awaits approval.

    Args:
        operation: what they were asked about.
        phases: when; what was kept of an earlier plan is replaced.
        results: what they said.
    """
    replaced = {phase.value for phase in phases}
    kept = [item for item in operation.policy_results or () if item["at"] not in replaced]
    operation.policy_results = [*kept, *(result.to_dict() for result in results)] or None
    if effect_of(results) is Verdict.NEEDS_APPROVAL:
        operation.requires_approval = True


def results_of(operation: Operation) -> list[PolicyResult]:
    """Return what policies said about an operation."""
    return [PolicyResult.from_dict(item) for item in operation.policy_results or ()]


def leaves_drift_to_people(operation: Operation) -> bool:
    """Tell whether a policy wants a person to look at the drift that a check has found."""
    about_drift = [result for result in results_of(operation) if result.phase is Phase.DRIFT]
    return effect_of(about_drift) in (Verdict.NEEDS_APPROVAL, Verdict.DENY)


def enabled_sets(session: Session) -> list[PolicySet]:
    """Return the sets that are asked."""
    query = select(PolicySet).where(PolicySet.is_enabled).order_by(PolicySet.name)
    return list(session.scalars(query))


def asked_policies(
    sets: Iterable[PolicySet], phase: Phase, subject: PolicySubject
) -> list[AskedPolicy]:
    """Return the policies that are about ``subject`` at ``phase``."""
    return [
        AskedPolicy(PolicySource(row.id, row.name, row.version), policy)
        for row in sets
        for policy in read_policies(row.policies)
        if policy.is_asked(phase, subject)
    ]


def subject_of(stack: Stack) -> PolicySubject:
    """Return what decides which policies are about a stack."""
    return PolicySubject(stack.kind, stack.cloud, stack.project.name, stack.labels)


def stack_facts(stack: Stack, operation_type: str, requested_by: str) -> dict[str, Any]:
    """Return the facts of a stack; its parameters without secrets."""
    parameters: Mapping[str, Any] = stack.parameters
    return {
        "stack.name": stack.name,
        "stack.kind": stack.kind,
        "stack.cloud": stack.cloud,
        "stack.region": stack.region,
        "stack.project": stack.project.name,
        "stack.labels": dict(stack.labels),
        "operation.type": operation_type,
        "operation.requested_by": requested_by,
        **{PARAMETER + name: value for name, value in parameters.items()},
    }
