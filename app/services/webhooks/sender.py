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
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update

from app.clock import utc_now
from app.domain.webhook_retries import DISABLE_AFTER_DEAD, is_about_the_receiver, next_attempt
from app.domain.webhooks import TEST_EVENT, DeliveryStatus, WebhookFormat
from app.errors import DecryptionError
from app.logs import get_logger
from app.models import Webhook, WebhookDelivery
from app.notify.webhook_client import SendResult, WebhookClient
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.webhooks.metrics import count_attempt
from app.services.webhooks.payloads import body_of, headers_of
from app.services.webhooks.registry import record, touch
from app.services.webhooks.secrets import open_secrets, open_url
from app.services.work import Work, perform

CLAIM = timedelta(seconds=120)
"""Longer than any attempt: DNS, three connections and an answer."""

AT_ONCE = 50
SLOW_MS = 2000
GONE = 410
ANY_WEBHOOK = select(Webhook.id).where(Webhook.is_enabled).limit(1)
"""Asked once a second, as most installations have none: what is due takes longer to find out."""

MAX_ERROR = 300

log = get_logger(__name__)


@dataclass(frozen=True)
class Message:
    """What one attempt sends; made in a transaction that is over when it is sent."""

    delivery_number: int
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class DueWebhook:
    """A webhook that has a message to be sent now; ``is_slow`` as in its row."""

    id: str
    is_slow: bool


def due_webhooks(ctx: Context) -> Sequence[DueWebhook]:
    """Return the webhooks whose next message is due and that no sender works on."""
    now = utc_now()
    heads = (
        select(func.min(WebhookDelivery.number))
        .where(*_in_line(now))
        .group_by(WebhookDelivery.webhook_id)
    )
    query = (
        select(WebhookDelivery.webhook_id, Webhook.is_slow)
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
        if session.scalar(ANY_WEBHOOK) is None:
            return []
        return [DueWebhook(*row) for row in session.execute(query)]


def _in_line(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a message count when the next one of a webhook is looked for."""
    may_be_passed = WebhookDelivery.holds_back.is_(False) & (WebhookDelivery.next_attempt_at > now)
    return WebhookDelivery.status == DeliveryStatus.PENDING, ~may_be_passed


def serve_webhook(ctx: Context, client: WebhookClient, webhook_id: str) -> int:
    """Send what is due to one webhook while it answers; return how many attempts it was."""
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
        answer = client.post(message.url, message.headers, message.body)
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
    """Return the oldest message that is in line, if it is due."""
    now = utc_now()
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, *_in_line(now))
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


def _settle(ctx: Context, webhook_id: str, claim: str, number: int, answer: SendResult) -> bool:
    """Note how an attempt went and tell whether to go on with the next message."""
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        session = work.session
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
        hook.is_slow = answer.status is None or answer.duration_ms > SLOW_MS
        if answer.is_accepted:
            delivery.next_attempt_at, hook.dead_in_a_row = None, 0
            delivery.status, delivery.ended_at = DeliveryStatus.DELIVERED.value, now
        else:
            _settle_failure(work, hook, delivery, answer)
        count_attempt(session, answer, DeliveryStatus(delivery.status))
        is_passed = delivery.status != DeliveryStatus.PENDING or not delivery.holds_back
        return hook.is_enabled and is_passed


def _settle_failure(
    work: Work, hook: Webhook, delivery: WebhookDelivery, answer: SendResult
) -> None:
    is_test = delivery.event.type == TEST_EVENT
    later = next_attempt(
        delivery.created_at, utc_now(), delivery.attempts, secrets.randbelow(1001) / 1000
    )
    if later is not None and answer.status != GONE and not is_test:
        delivery.next_attempt_at = later
        delivery.holds_back = is_about_the_receiver(answer.status, delivery.attempts)
        return
    delivery.next_attempt_at = None
    delivery.status, delivery.ended_at = DeliveryStatus.DEAD.value, utc_now()
    hook.dead_in_a_row += 0 if is_test else 1
    log.warning("webhook_delivery_dead", webhook_id=hook.id, delivery_id=delivery.id)
    if answer.status == GONE:
        _disable(work, hook, "The receiver answered 410: it wants no more messages.")
    elif hook.dead_in_a_row >= DISABLE_AFTER_DEAD:
        _disable(work, hook, f"{hook.dead_in_a_row} messages in a row could not be delivered.")


def _disable(work: Work, hook: Webhook, reason: str) -> None:
    hook.is_enabled, hook.disabled_because = False, reason
    touch(hook)
    record(work, "webhook.disable", hook, reason=reason, host=hook.host)
    log.warning("webhook_disabled", webhook_id=hook.id, host=hook.host, reason=reason)


def _disable_unreadable(ctx: Context, webhook_id: str, error: DecryptionError) -> None:
    """Say it where people look; without its key nothing can be sent or signed."""
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        hook = work.session.get(Webhook, webhook_id, with_for_update={"of": Webhook})
        if hook is not None:
            _disable(work, hook, f"Its URL or its secret does not open [{error.code}].")
