"""Count deliveries for Prometheus: totals that only grow, kept in SQL by whoever sends."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.webhooks import DeliveryStatus
from app.models import InstallationFact, Webhook, WebhookDelivery
from app.notify.webhook_client import SendResult
from app.services.context import Context

TOTALS = "webhook_totals"
RESULTS = ("delivered", "failed", "dead")


def count_attempt(session: Session, answer: SendResult, status: DeliveryStatus) -> None:
    """Count one attempt: delivered, failed and to be tried again, or dead."""
    fact = session.get(InstallationFact, TOTALS, with_for_update=True)
    value: dict[str, Any] = dict(fact.value) if fact else {}
    result = "failed" if status is DeliveryStatus.PENDING else status.value
    value[result] = value.get(result, 0) + 1
    value["milliseconds"] = value.get("milliseconds", 0) + answer.duration_ms
    session.merge(InstallationFact(name=TOTALS, value=value, updated_at=utc_now()))


def webhook_figures(ctx: Context) -> tuple[dict[str, int], int, int]:
    """Return attempts by result, and how many messages wait and webhooks are disabled now."""
    pending = select(func.count()).where(WebhookDelivery.status == DeliveryStatus.PENDING)
    disabled = select(func.count()).where(Webhook.is_enabled.is_(False))
    with ctx.read() as session:
        fact = session.get(InstallationFact, TOTALS)
        known: Counter[str] = Counter(fact.value if fact else {})
        waiting, off = session.scalar(pending) or 0, session.scalar(disabled) or 0
    return {result: known[result] for result in RESULTS}, waiting, off
