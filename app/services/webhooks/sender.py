"""Send what the outbox holds: at least once, to each webhook in its order, one sender at a time.

A sender claims a webhook for a while in SQL, so any number of processes may run it. One that dies
leaves its claim to lapse, and the message it was sending is sent again with the same id. Nothing is
locked while a message is under way.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.webhooks import (
    DISABLE_AFTER_DEAD,
    TEST_EVENT,
    DeliveryStatus,
    WebhookFormat,
    next_attempt,
)
from app.errors import DecryptionError
from app.logs import get_logger
from app.models import Webhook, WebhookDelivery
from app.notify.courier import Answer, Courier
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.webhooks.payloads import body_of, headers_of
from app.services.webhooks.registry import record, touch
from app.services.webhooks.sealing import open_secrets, open_url
from app.services.webhooks.totals import count_attempt

CLAIM = timedelta(seconds=120)
"""Longer than any attempt: DNS, three connections and an answer."""

AT_ONCE = 50
GONE = 410
MAX_ERROR = 300

log = get_logger(__name__)


@dataclass(frozen=True)
class Message:
    """What one attempt sends; made in a transaction that is over when it is sent."""

    delivery_number: int
    url: str
    headers: dict[str, str]
    body: bytes


def due_webhooks(ctx: Context) -> Sequence[str]:
    """Return the webhooks whose next message is due and that no sender works on."""
    now = utc_now()
    heads = (
        select(func.min(WebhookDelivery.number))
        .where(WebhookDelivery.status == DeliveryStatus.PENDING)
        .group_by(WebhookDelivery.webhook_id)
    )
    query = (
        select(WebhookDelivery.webhook_id)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(
            WebhookDelivery.number.in_(heads),
            WebhookDelivery.next_attempt_at <= now,
            Webhook.is_enabled,
            or_(Webhook.claimed_until.is_(None), Webhook.claimed_until <= now),
        )
        .order_by(WebhookDelivery.next_attempt_at)
    )
    with ctx.read() as session:
        return session.scalars(query).all()


def serve_webhook(ctx: Context, courier: Courier, webhook_id: str) -> int:
    """Send what is due to one webhook until one message fails; return how many attempts it was."""
    claim = secrets.token_hex(16)
    attempts = 0
    while attempts < AT_ONCE and _claim(ctx, webhook_id, claim):
        try:
            message = _next_message(ctx, webhook_id)
        except DecryptionError as error:
            _disable_unreadable(ctx, webhook_id, error)
            break
        if message is None:
            break
        answer = courier.post(message.url, message.headers, message.body)
        attempts += 1
        if not _settle(ctx, webhook_id, claim, message.delivery_number, answer):
            break
    _release(ctx, webhook_id, claim)
    return attempts


def _claim(ctx: Context, webhook_id: str, claim: str) -> bool:
    now = utc_now()
    free = or_(
        Webhook.claimed_until.is_(None), Webhook.claimed_until <= now, Webhook.claim == claim
    )
    taking = (
        update(Webhook)
        .where(Webhook.id == webhook_id, Webhook.is_enabled, free)
        .values(claim=claim, claimed_until=now + CLAIM)
        .returning(Webhook.id)
    )
    with ctx.write() as session:
        return session.execute(taking).scalar_one_or_none() is not None


def _release(ctx: Context, webhook_id: str, claim: str) -> None:
    mine = update(Webhook).where(Webhook.id == webhook_id, Webhook.claim == claim)
    with ctx.write() as session:
        session.execute(mine.values(claim=None, claimed_until=None))


def _next_message(ctx: Context, webhook_id: str) -> Message | None:
    """Return the oldest message that was not delivered yet, if it is due."""
    now = utc_now()
    query = (
        select(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.status == DeliveryStatus.PENDING,
        )
        .order_by(WebhookDelivery.number)
        .limit(1)
    )
    with ctx.read() as session:
        hook, delivery = session.get(Webhook, webhook_id), session.scalar(query)
        if hook is None or delivery is None:
            return None
        if delivery.next_attempt_at is None or delivery.next_attempt_at > now:
            return None
        body = body_of(delivery.event, WebhookFormat(hook.format))
        keys = open_secrets(ctx.keys, hook)
        headers = headers_of(delivery.event_id, int(time.time()), body, keys)
        return Message(delivery.number, open_url(ctx.keys, hook), headers, body)


def _settle(ctx: Context, webhook_id: str, claim: str, number: int, answer: Answer) -> bool:
    """Note how an attempt went and tell whether to go on with the next message."""
    with ctx.write() as session:
        hook = session.get(Webhook, webhook_id, with_for_update={"of": Webhook})
        if hook is None or hook.claim != claim:
            return False  # deleted, or so late that another sender took over
        delivery = session.get(WebhookDelivery, number)
        if delivery is None or delivery.status != DeliveryStatus.PENDING:
            return False
        now = utc_now()
        delivery.attempts += 1
        delivery.attempted_at, delivery.duration_ms = now, answer.duration_ms
        delivery.response_status, delivery.response_excerpt = answer.status, answer.excerpt
        delivery.error = answer.error and answer.error[:MAX_ERROR]
        if answer.is_accepted:
            delivery.next_attempt_at, hook.dead_in_a_row = None, 0
            delivery.status, delivery.ended_at = DeliveryStatus.DELIVERED.value, now
        else:
            _settle_failure(session, hook, delivery, answer)
        count_attempt(session, answer, DeliveryStatus(delivery.status))
        return hook.is_enabled and delivery.status != DeliveryStatus.PENDING


def _settle_failure(
    session: Session, hook: Webhook, delivery: WebhookDelivery, answer: Answer
) -> None:
    is_test = delivery.event.type == TEST_EVENT
    later = next_attempt(
        delivery.created_at, utc_now(), delivery.attempts, secrets.randbelow(1001) / 1000
    )
    if later is not None and answer.status != GONE and not is_test:
        delivery.next_attempt_at = later
        return
    delivery.next_attempt_at = None
    delivery.status, delivery.ended_at = DeliveryStatus.DEAD.value, utc_now()
    hook.dead_in_a_row += 0 if is_test else 1
    log.warning("webhook_delivery_dead", webhook_id=hook.id, delivery_id=delivery.id)
    if answer.status == GONE:
        _disable(session, hook, "The receiver answered 410: it wants no more messages.")
    elif hook.dead_in_a_row >= DISABLE_AFTER_DEAD:
        _disable(session, hook, f"{hook.dead_in_a_row} messages in a row could not be delivered.")


def _disable(session: Session, hook: Webhook, reason: str) -> None:
    hook.is_enabled, hook.disabled_because = False, reason
    touch(hook)
    record(session, SYSTEM_PRINCIPAL, "webhook.disable", hook, reason=reason, host=hook.host)
    log.warning("webhook_disabled", webhook_id=hook.id, host=hook.host, reason=reason)


def _disable_unreadable(ctx: Context, webhook_id: str, error: DecryptionError) -> None:
    """Say it where people look; without its key nothing can be sent or signed."""
    with ctx.write() as session:
        hook = session.get(Webhook, webhook_id, with_for_update={"of": Webhook})
        if hook is not None:
            _disable(session, hook, f"Its URL or its secret does not open [{error.code}].")
