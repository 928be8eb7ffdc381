"""The end of a stack's life time: warned of, then destroyed or asked about, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.operations import OperationType
from app.domain.stacks import OnExpiry
from app.domain.webhooks import EventType
from app.models import AuditEvent, Operation, Stack, WebhookEvent
from app.services.context import Context
from app.services.operations import control
from app.services.stacks.expiry import end_expired, warn_of_expiry
from app.services.webhooks import registry
from app.services.webhooks.payloads import sentence_of
from app.services.webhooks.registry import NewWebhook
from app.services.work import perform
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def change(ctx: Context, stack: Stack, **columns: Any) -> None:
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        for name, value in columns.items():
            setattr(row, name, value)


def destroys(ctx: Context, stack: Stack) -> list[Operation]:
    with ctx.read() as session:
        query = select(Operation).where(
            Operation.stack_id == stack.id, Operation.type == OperationType.DESTROY
        )
        return list(session.scalars(query.order_by(Operation.id)))


def warnings(ctx: Context) -> int:
    with ctx.read() as session:
        return len(
            session.scalars(select(AuditEvent).where(AuditEvent.action == "stack.expiring")).all()
        )


def test_a_stack_is_warned_of_a_day_and_an_hour_before_and_no_more(
    ctx: Context, stack: Stack
) -> None:
    now = utc_now()
    change(ctx, stack, expires_at=now + 2 * DAY)
    assert warn_of_expiry(ctx) == 0
    change(ctx, stack, expires_at=now + 20 * HOUR)
    assert [warn_of_expiry(ctx), warn_of_expiry(ctx)] == [1, 0]
    change(ctx, stack, expires_at=now + 50 * MINUTE, expiry_warned_at=now - 19 * HOUR)
    assert [warn_of_expiry(ctx), warn_of_expiry(ctx)] == [1, 0]
    assert warnings(ctx) == 2


def test_a_warning_goes_to_webhooks(ctx: Context, stack: Stack) -> None:
    new = NewWebhook("ends", "https://93.184.216.34/", [EventType.STACK_EXPIRING])
    with perform(ctx, ADMIN) as work:
        registry.create_webhook(work, new)
    change(ctx, stack, expires_at=utc_now() + HOUR, on_expiry=OnExpiry.ASK)
    warn_of_expiry(ctx)
    with ctx.read() as session:
        (event,) = session.scalars(select(WebhookEvent))
        assert event.data["on_expiry"] == "ask"
        assert sentence_of(event).endswith("; then a person is asked")


def test_a_new_life_time_is_warned_of_anew(ctx: Context, stack: Stack) -> None:
    now = utc_now()
    change(ctx, stack, expires_at=now + 20 * HOUR, expiry_warned_at=now - 5 * DAY)
    assert warn_of_expiry(ctx) == 1


def test_an_expired_stack_is_destroyed(ctx: Context, stack: Stack) -> None:
    change(ctx, stack, expires_at=utc_now() - MINUTE)
    assert end_expired(ctx) == 1
    (operation,) = destroys(ctx, stack)
    assert not operation.requires_approval


def test_one_that_asks_gets_a_destroy_that_waits_for_approval_once(
    ctx: Context, stack: Stack
) -> None:
    change(ctx, stack, expires_at=utc_now() - MINUTE, on_expiry=OnExpiry.ASK)
    assert end_expired(ctx) == 1
    (operation,) = destroys(ctx, stack)
    assert operation.requires_approval
    with perform(ctx, ADMIN) as work:
        control.cancel(work, operation.id)
    assert end_expired(ctx) == 0, "somebody has answered"
    change(ctx, stack, expires_at=utc_now())
    assert end_expired(ctx) == 1, "another life time is over"


def test_a_protected_stack_stays(ctx: Context, stack: Stack) -> None:
    change(ctx, stack, expires_at=utc_now() - MINUTE, deletion_protection=True)
    assert end_expired(ctx) == 0
    assert destroys(ctx, stack) == []
