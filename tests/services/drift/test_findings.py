"""Findings are stories: new, going on, changed, gone and back again; nothing is told twice."""

from __future__ import annotations

from sqlalchemy import select

from app.domain.drift import TagSearch
from app.domain.operations import OperationStatus, OperationType
from app.models import DriftFinding, Stack
from app.services.context import Context
from app.services.queue.order import add_operation
from tests.drifting import change, check
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready


def findings(ctx: Context, stack: Stack) -> list[DriftFinding]:
    with ctx.read() as session:
        query = select(DriftFinding).where(DriftFinding.stack_id == stack.id)
        return list(session.scalars(query.order_by(DriftFinding.id)).unique())


def made(ctx: Context) -> Stack:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    return stack


def status(ctx: Context, stack: Stack) -> str:
    with ctx.read() as session:
        return session.get_one(Stack, stack.id).drift_status


def test_a_drift_that_comes_and_goes_is_one_story(ctx: Context) -> None:
    stack = made(ctx)
    check(ctx, stack, change(size=2))
    (first,) = findings(ctx, stack)
    assert (first.returns, first.gone_since) == (0, None)
    check(ctx, stack)
    (gone,) = findings(ctx, stack)
    assert gone.gone_since is not None
    assert status(ctx, stack) == "in_sync"
    report = check(ctx, stack, change(size=2))
    (back,) = findings(ctx, stack)
    assert (back.id, back.returns, back.gone_since) == (first.id, 1, None)
    assert back.first_seen_at == first.first_seen_at
    assert back.last_seen_at > first.last_seen_at
    assert back.changed_at == first.changed_at, "the values are the same as before"
    assert (report.status, report.changes[0]["finding_id"]) == ("drifted", first.id)


def test_another_value_moves_the_story_on_and_needs_another_acknowledgement(ctx: Context) -> None:
    stack = made(ctx)
    check(ctx, stack, change(size=2))
    with ctx.write() as session:
        row = session.scalars(select(DriftFinding)).unique().one()
        row.acknowledged_at, row.acknowledged_by = row.first_seen_at, "admin"
    check(ctx, stack, change(size=2))
    (same,) = findings(ctx, stack)
    assert same.acknowledged_by == "admin"
    check(ctx, stack, change(size=3))
    (moved,) = findings(ctx, stack)
    assert (moved.id, moved.acknowledged_by) == (same.id, None)
    assert moved.changed_at > same.changed_at
    assert moved.attributes[0]["after"] == 3


def test_a_check_that_fails_changes_no_finding(ctx: Context) -> None:
    stack = made(ctx)
    check(ctx, stack, change(size=2))
    before = findings(ctx, stack)[0]
    report = check(ctx, stack, reason="the cloud does not answer")
    after = findings(ctx, stack)[0]
    assert (report.status, report.reason) == ("unknown", "the cloud does not answer")
    assert (after.gone_since, after.last_seen_at) == (None, before.last_seen_at)
    assert status(ctx, stack) == "unknown"


def test_a_search_that_fails_ends_no_story_of_what_was_created(ctx: Context) -> None:
    stack = made(ctx)
    check(ctx, stack, change("created", None), change(size=2))
    report = check(ctx, stack, search=TagSearch.FAILED, search_reason="no answer")
    created, updated = findings(ctx, stack)
    assert (created.change, created.gone_since) == ("created", None)
    assert updated.gone_since is not None
    assert (report.tag_search, report.tag_search_reason) == ("failed", "no answer")
    assert report.status == "drifted", "what was created is still there as far as anybody knows"
    check(ctx, stack)
    assert all(item.gone_since for item in findings(ctx, stack))
    assert status(ctx, stack) == "in_sync"


def test_what_an_interrupted_operation_of_ours_made_is_an_orphan_of_it(ctx: Context) -> None:
    stack = made(ctx)
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        interrupted = add_operation(session, row, OperationType.APPLY, ADMIN)
        interrupted.status = OperationStatus.INTERRUPTED.value
        interrupted.possibly_orphaned = [{"address": "a_b.this", "type": "a_b", "id": "b-2"}]
        done = add_operation(session, row, OperationType.APPLY, ADMIN)
        done.status = OperationStatus.APPLIED.value
        ids = interrupted.id, done.id
    tagged, copied = {"made_by": ids[0]}, {"made_by": ids[1]}
    outside = change("created", address=None)
    check(
        ctx,
        stack,
        {**outside, **tagged},
        {**outside, **copied, "resource_id": "b-3"},
        {**outside, "resource_id": "b-2"},
    )
    found = {
        row.resource_id: (row.orphaned_by, row.severity_reason) for row in findings(ctx, stack)
    }
    assert found["b-1"] == found["b-2"] == (ids[0], "orphan")
    assert found["b-3"][0] is None, "somebody copied the tag of an operation that went well"
