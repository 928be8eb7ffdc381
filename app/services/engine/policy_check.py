"""Ask policies about a plan or drift, outside any transaction, and keep what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.cel.evaluation import Given
from app.domain.policies import Phase, Verdict
from app.domain.policy_errors import PolicyDeniedError
from app.domain.policy_results import PolicyResult, effect_of
from app.models import Operation
from app.services.costs.plan_cost import cost_facts
from app.services.engine.drift_check import DriftResult
from app.services.engine.run import OperationRun
from app.services.policies import asking
from app.services.policies.judging import AskedPolicy, judge
from app.services.policies.overrides import lift_denials
from app.services.policies.plan_facts import adopted, drift_given, plan_given
from app.terraform.plan import Plan

LEVELS = {Verdict.DENY: "error", Verdict.NEEDS_APPROVAL: "warn", Verdict.WARN: "warn"}


@dataclass(frozen=True)
class _Questions:
    asked: dict[Phase, list[AskedPolicy]]
    givens: dict[Phase, Given]


def ask_about_plan(run: OperationRun) -> list[PolicyResult]:
    """Ask policies about the plan of an operation, keep and tell what they say.

    Raises:
        FenceLostError: another process owns the operation now.
        RulesUnavailableError: policies cannot be evaluated on this machine.
    """
    return _ask(run, run.ctx.ask(lambda session: _about_plan(session, run)))


def ask_about_drift(run: OperationRun, result: DriftResult) -> list[PolicyResult]:
    """Ask policies about what differs outside, keep and tell what they say.

    Raises:
        FenceLostError: another process owns the operation now.
        RulesUnavailableError: policies cannot be evaluated on this machine.
    """
    if not result.changes:
        return []
    return _ask(run, run.ctx.ask(lambda session: _about_drift(session, run, result)))


def _ask(run: OperationRun, questions: _Questions) -> list[PolicyResult]:
    found: list[PolicyResult] = []
    for phase, asked in questions.asked.items():
        found += judge(run.ctx.catalog, asked, phase, questions.givens[phase])

    def keep(session: Session, operation: Operation) -> list[PolicyResult]:
        results = lift_denials(session, operation.stack, found)
        asking.keep_results(operation, questions.asked, results)
        return results

    results = run.write(keep) if questions.asked else []
    for result in results:
        message = f"Policy {result.policy}: {result.message}"
        level = LEVELS.get(result.effect, "info")
        run.recorder.note(message, level=level, type_="policy")
    return results


def refuse_denied(results: Sequence[PolicyResult]) -> None:
    """Refuse to apply what a policy forbids.

    Raises:
        PolicyDeniedError: has all that policies said.
    """
    if effect_of(results) is Verdict.DENY:
        raise PolicyDeniedError.of(results)


def _about_drift(session: Session, run: OperationRun, result: DriftResult) -> _Questions:
    operation = session.get_one(Operation, run.claim.operation_id)
    stack, phase = operation.stack, Phase.DRIFT
    asked = asking.asked_policies(asking.enabled_sets(session), phase, asking.subject_of(stack))
    facts = asking.stack_facts(stack, operation.type, operation.requested_by)
    given = drift_given(facts, result.changes)
    return _Questions({phase: asked} if asked else {}, {phase: given})


def _about_plan(session: Session, run: OperationRun) -> _Questions:
    operation = session.get_one(Operation, run.claim.operation_id)
    stack = operation.stack
    sets = asking.enabled_sets(session)
    asked = {
        phase: found
        for phase in (Phase.PLAN, Phase.ADOPT)
        if (found := asking.asked_policies(sets, phase, asking.subject_of(stack)))
    }
    facts = asking.stack_facts(stack, operation.type, operation.requested_by)
    givens = _givens({**facts, **cost_facts(operation.cost)}, run.plan) if asked else {}
    if Phase.ADOPT in givens and not givens[Phase.ADOPT].changes:
        asked.pop(Phase.ADOPT, None)  # nothing is adopted
    return _Questions(asked, givens)


def _givens(facts: dict[str, object], plan: Plan) -> dict[Phase, Given]:
    summary = plan.summary.to_dict()
    changes = [item.to_dict() for item in plan.changes if not (item.is_noop or item.is_read)]
    return {
        Phase.PLAN: plan_given(facts, summary, changes),
        Phase.ADOPT: plan_given(facts, summary, adopted(changes)),
    }
