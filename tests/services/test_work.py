"""A change that is tried out leaves nothing: no row, and no event."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.clock import utc_now
from app.domain import ids
from app.errors import NameTakenError
from app.models import AuditEvent, Operation, Project, Stack
from app.services.context import Context
from app.services.stacks.create import NewStack, create_stack
from app.services.work import Work, perform, try_out
from tests.landform import ADMIN

WEB = NewStack(kind="network", name="web", project="default", cloud_account="sandbox")


def count(ctx: Context, model: type) -> int:
    with ctx.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_what_is_tried_out_is_answered_and_not_kept(ctx: Context) -> None:
    events = count(ctx, AuditEvent)
    assert try_out(ctx, ADMIN, lambda work: create_stack(work, WEB)[0].name) == "web"
    assert count(ctx, Stack) == count(ctx, Operation) == 0
    assert count(ctx, AuditEvent) == events


def test_a_problem_of_what_is_tried_out_is_told(ctx: Context) -> None:
    with perform(ctx, ADMIN) as work:
        create_stack(work, WEB)
    with pytest.raises(NameTakenError):
        try_out(ctx, ADMIN, lambda work: create_stack(work, WEB))
    assert count(ctx, Stack) == 1


def test_the_database_checks_what_is_tried_out(ctx: Context) -> None:
    def act(work: Work) -> None:
        for _ in range(2):
            project = Project(id=ids.new_id(ids.PROJECT), name="twice", created_at=utc_now())
            work.session.add(project)

    with pytest.raises(IntegrityError):
        try_out(ctx, ADMIN, act)
