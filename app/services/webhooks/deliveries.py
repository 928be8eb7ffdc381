"""Show what was sent to a webhook and how it went; send it again; send a test."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.webhooks import TEST_EVENT, DeliveryStatus
from app.errors import ConflictError, NotFoundError
from app.models import Webhook, WebhookDelivery, WebhookEvent
from app.services.access import Principal
from app.services.paging import Page, PageRequest, fetch_page
from app.services.webhooks.outbox import add_delivery, add_event
from app.services.webhooks.registry import record, webhook_by_id
from app.services.work import Work

KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 500


def list_deliveries(
    session: Session,
    principal: Principal,
    webhook_id: str,
    page: PageRequest,
    status: str | None = None,
) -> Page[WebhookDelivery]:
    """Return the deliveries of a webhook, newest first.

    Raises:
        NotFoundError, PermissionDeniedError: as ``webhook_by_id``.
    """
    webhook_by_id(session, principal, webhook_id)
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    return fetch_page(session, query, WebhookDelivery.number, page, newest_first=True)


def delivery_by_id(
    session: Session, principal: Principal, webhook_id: str, delivery_id: str
) -> WebhookDelivery:
    """Return one delivery.

    Raises:
        NotFoundError, PermissionDeniedError: as ``webhook_by_id``; or there is no such delivery.
    """
    webhook_by_id(session, principal, webhook_id)
    query = select(WebhookDelivery).where(
        WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook_id
    )
    row = session.scalar(query)
    if row is None:
        raise NotFoundError(f"There is no delivery {delivery_id!r} of this webhook.")
    return row


def redeliver(work: Work, webhook_id: str, delivery_id: str) -> WebhookDelivery:
    """Queue the event of a delivery again; its ``webhook-id`` is the same, so receivers notice.

    Raises:
        NotFoundError, PermissionDeniedError: as ``delivery_by_id``.
        ConflictError: the webhook is disabled.
    """
    hook = _enabled(work, webhook_id)
    row = delivery_by_id(work.session, work.principal, webhook_id, delivery_id)
    _hurry(work.session, hook)
    again = add_delivery(work.session, hook.id, row.event, redelivery_of=row.id)
    record(work, "webhook.redeliver", hook, delivery_id=row.id)
    return again


def send_test(work: Work, webhook_id: str) -> WebhookDelivery:
    """Queue a test message.

    Raises:
        NotFoundError, PermissionDeniedError: as ``webhook_by_id``.
        ConflictError: the webhook is disabled.
    """
    hook = _enabled(work, webhook_id)
    event = add_event(
        work.session, TEST_EVENT, {"webhook_id": hook.id, "requested_by": work.principal.name}
    )
    _hurry(work.session, hook)
    row = add_delivery(work.session, hook.id, event)
    record(work, "webhook.test", hook)
    return row


def forget_old(session: Session) -> int:
    """Remove deliveries and events whose time is over, a few at a time; return how many."""
    before = utc_now() - KEPT
    old = (
        select(WebhookDelivery.number)
        .where(WebhookDelivery.created_at < before)
        .order_by(WebhookDelivery.number)
        .limit(FORGOTTEN_AT_ONCE)
    )
    numbers = session.scalars(old).all()
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.number.in_(numbers)))
    needed = exists().where(WebhookDelivery.event_id == WebhookEvent.id)
    unneeded = (
        select(WebhookEvent.id)
        .where(WebhookEvent.created_at < before, ~needed)
        .limit(FORGOTTEN_AT_ONCE)
    )
    events = session.scalars(unneeded).all()
    session.execute(delete(WebhookEvent).where(WebhookEvent.id.in_(events)))
    return len(numbers)


def _hurry(session: Session, hook: Webhook) -> None:
    """Try now what waits for its next attempt: somebody who looks at it asks for an answer."""
    waiting = update(WebhookDelivery).where(
        WebhookDelivery.webhook_id == hook.id, WebhookDelivery.status == DeliveryStatus.PENDING
    )
    session.execute(waiting.values(next_attempt_at=utc_now()))


def _enabled(work: Work, webhook_id: str) -> Webhook:
    hook = webhook_by_id(work.session, work.principal, webhook_id, is_locked=True)
    if not hook.is_enabled:
        raise ConflictError(
            f"The webhook {hook.id} is disabled.", advice="Enable it first: PATCH enabled to true."
        )
    return hook
