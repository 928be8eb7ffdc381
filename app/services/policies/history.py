"""Dry run on history: what a set would have said of what was planned in the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cel.evaluation import Given
from app.clock import utc_now
from app.domain.permissions import ServiceRight
from app.domain.policies import Phase
from app.domain.policy_reading import read_policies
from app.domain.policy_results import PolicyResult, PolicySource
from app.models import Operation, PolicySet, StoredPlan
from app.services.access import Principal, require_service
from app.services.context import Context
from app.services.costs.plan_cost import cost_facts
from app.services.policies.asking import stack_facts, subject_of
from app.services.policies.judging import AskedPolicy, Question, judge_all
from app.services.policies.plan_facts import adopted, plan_given
from app.services.policies.sets import policy_set_by_id
from app.services.secrets import open_plan

MAX_DAYS = 90
MAX_OPERATIONS = 200
MAX_QUESTIONS = 4000


@dataclass(frozen=True)
class PastResult:
    """What a set would have said of one operation."""

    operation: Operation
    results: tuple[PolicyResult, ...]


@dataclass(frozen=True)
class DryRun:
    """What a set would have said; ``looked_at`` counts the operations, silent ones included."""

    looked_at: int
    is_cut: bool
    spoken: tuple[PastResult, ...]


def dry_run(ctx: Context, session: Session, principal: Principal, set_id: str, days: int) -> DryRun:
    """Ask a set, enabled or not, about past plans; nothing is changed.

    Facts of a stack are those of today, facts of a plan those of its time.

    Args:
        ctx: the catalog and the keys.
        session: an open transaction, which is only read from.
        principal: who asks.
        set_id: id or name of the set.
        days: how far back, at most ``MAX_DAYS``.

    Raises:
        PermissionDeniedError: the caller lacks ``policy:write``.
        NotFoundError: there is no such set.
    """
    require_service(principal, ServiceRight.POLICY_WRITE)
    kept = policy_set_by_id(session, set_id)
    rows = _planned(session, days)
    questions: list[Question] = []
    owners: list[Operation] = []
    looked_at = 0
    for operation, plan in rows[:MAX_OPERATIONS]:
        found = _questions(ctx, kept, operation, plan)
        if len(questions) + len(found) > MAX_QUESTIONS:
            break
        looked_at += 1
        questions += found
        owners += [operation] * len(found)
    answers = judge_all(ctx.catalog, questions)
    return DryRun(looked_at, looked_at < len(rows), _by_operation(owners, answers))


def _planned(session: Session, days: int) -> list[tuple[Operation, StoredPlan]]:
    query = (
        select(Operation, StoredPlan)
        .join(StoredPlan, StoredPlan.operation_id == Operation.id)
        .where(Operation.created_at >= utc_now() - timedelta(days=days))
        .order_by(Operation.id.desc())
        .limit(MAX_OPERATIONS + 1)
    )
    return [(operation, plan) for operation, plan in session.execute(query).unique()]


def _questions(
    ctx: Context, kept: PolicySet, operation: Operation, row: StoredPlan
) -> list[Question]:
    stack = operation.stack
    facts = stack_facts(stack, operation.type, operation.requested_by)
    changes: list[dict[str, Any]] = open_plan(ctx.keys, row)["changes"]
    summary, cost = operation.plan_summary or {}, cost_facts(operation.cost)
    givens = {
        Phase.REQUEST: Given(facts),
        Phase.PLAN: plan_given({**facts, **cost}, summary, changes),
        Phase.ADOPT: plan_given({**facts, **cost}, summary, adopted(changes)),
    }
    source, subject = PolicySource(kept.id, kept.name, kept.version), subject_of(stack)
    return [
        Question(AskedPolicy(source, policy), phase, given)
        for policy in read_policies(kept.policies)
        for phase, given in givens.items()
        if policy.is_asked(phase, subject) and (phase is not Phase.ADOPT or given.changes)
    ]


def _by_operation(
    owners: Sequence[Operation], answers: Sequence[PolicyResult | None]
) -> tuple[PastResult, ...]:
    found: dict[str, list[PolicyResult]] = {}
    for operation, answer in zip(owners, answers, strict=True):
        if answer is not None:
            found.setdefault(operation.id, []).append(answer)
    by_id = {operation.id: operation for operation in owners}
    return tuple(PastResult(by_id[id_], tuple(results)) for id_, results in found.items())
