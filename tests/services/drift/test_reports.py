"""A scheduled check that finds nothing new confirms the last report and leaves no story."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select, update

from app.clock import utc_now
from app.domain.drift import CheckedBy
from app.models import (
    AuditEvent,
    DriftFinding,
    DriftReport,
    Operation,
    OperationEvent,
    OperationStep,
    Schedule,
    Stack,
)
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.drift.queue_due import claim_due
from app.services.drift.rules import NewRule, RuleScope, create_rule
from app.services.engine.check_ending import QuickResult, finish_quickly
from app.services.engine.claims import claim_checks
from app.services.engine.drift_check import DriftResult
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests import drifting
from tests.drifting import change
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready

scheduled = partial(drifting.check, asked_by=SYSTEM_PRINCIPAL)


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def count(ctx: Context, model: type) -> int:
    with ctx.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_stack_that_is_as_before_has_one_report_for_all_checks(
    ctx: Context, stack: Stack
) -> None:
    first = scheduled(ctx, stack)
    assert (first.checks, first.first_checked_at) == (1, None)
    second = scheduled(ctx, stack, checked_by=CheckedBy.PROVIDER)
    third = scheduled(ctx, stack, checked_by=CheckedBy.PROVIDER)
    assert first.id == second.id == third.id
    assert (third.checks, third.checked_by) == (3, "provider")
    assert third.first_checked_at == first.checked_at < second.checked_at < third.checked_at
    assert third.operation_id == first.operation_id
    with ctx.read() as session:
        assert session.get_one(Stack, stack.id).drift_checked_at == third.checked_at
    assert count(ctx, DriftReport) == 1


def test_a_drift_that_goes_on_is_confirmed_with_its_findings(ctx: Context, stack: Stack) -> None:
    first = scheduled(ctx, stack, change(size=2))
    second = scheduled(ctx, stack, change(size=2))
    assert (second.id, second.checks, second.status) == (first.id, 2, "drifted")
    assert second.changes == first.changes
    with ctx.read() as session:
        (finding,) = session.scalars(select(DriftFinding)).unique()
    assert (finding.report_id, finding.last_seen_at) == (first.id, second.checked_at)


def test_whatever_is_new_has_a_report_of_its_own(ctx: Context, stack: Stack) -> None:
    seen = [
        scheduled(ctx, stack),
        scheduled(ctx, stack, change(size=2)),
        scheduled(ctx, stack, change(size=3)),
        scheduled(ctx, stack, change(size=3), change("deleted", "a_b.other")),
        scheduled(ctx, stack, change(size=3)),
        scheduled(ctx, stack, change(size=3), has_pending_changes=True),
        scheduled(ctx, stack, reason="The cloud did not answer."),
        scheduled(ctx, stack, reason="The cloud did not answer."),
        scheduled(ctx, stack),
    ]
    assert len({report.id for report in seen}) == len(seen)
    assert [report.checks for report in seen] == [1] * len(seen)


def test_a_person_always_gets_a_report_of_the_check(ctx: Context, stack: Stack) -> None:
    first = scheduled(ctx, stack)
    own = drifting.check(ctx, stack)
    assert (own.id != first.id, own.checks) == (True, 1)
    again = scheduled(ctx, stack)
    assert (again.id, again.operation_id, again.checks) == (own.id, own.operation_id, 2)


def test_a_rule_that_hides_the_drift_is_news(ctx: Context, stack: Stack) -> None:
    first = scheduled(ctx, stack, change(size=2))
    with perform(ctx, ADMIN) as work:
        until = utc_now() + timedelta(days=1)
        scope = RuleScope(resource_type="a_b")
        create_rule(work, NewRule("default", "known", scope, expires_at=until))
    hidden = scheduled(ctx, stack, change(size=2))
    assert (hidden.id != first.id, hidden.status) == (True, "in_sync")
    assert scheduled(ctx, stack, change(size=2)).id == hidden.id


def test_a_verdict_that_an_apply_made_worthless_is_given_anew(ctx: Context, stack: Stack) -> None:
    first = scheduled(ctx, stack)
    with ctx.write() as session:
        session.get_one(Stack, stack.id).drift_status = "not_checked"
    assert scheduled(ctx, stack).id != first.id


def sweep(ctx: Context) -> str:
    """Have the stack checked quickly on schedule; return the id of the operation."""
    with ctx.write() as session:
        session.execute(update(Schedule).values(next_check_at=utc_now() - timedelta(seconds=1)))
    assert claim_due(ctx) == 1
    with ctx.read() as session:
        waiting = select(Operation.id).where(Operation.status == "pending")
        ids = list(session.scalars(waiting))
    own = ProcessIdentity.of(os.getpid()).to_dict()
    claims = claim_checks(ctx, lambda _: ids, "test", own)
    seen = DriftResult(checked_by=CheckedBy.PROVIDER)
    made = [QuickResult(claim, seen, utc_now(), "1 resource reads as before") for claim in claims]
    finish_quickly(ctx, made, [])
    return ids[0]


def test_a_check_without_news_writes_no_story_and_no_audit_event(
    ctx: Context, stack: Stack
) -> None:
    first = sweep(ctx)
    tables = (AuditEvent, DriftReport, OperationEvent, OperationStep)
    before = [count(ctx, table) for table in tables]
    assert before[2:] == [2, 1], "the first check is news"
    again = sweep(ctx)
    assert [count(ctx, table) for table in tables] == before
    with ctx.read() as session:
        quiet, loud = session.get_one(Operation, again), session.get_one(Operation, first)
        assert (quiet.status, quiet.plan_summary) == ("planned_and_finished", None)
        assert loud.plan_summary is not None
        ended = select(AuditEvent.object_id).where(AuditEvent.action.startswith("operation."))
        assert not {first, again} & set(session.scalars(ended))
