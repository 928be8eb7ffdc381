"""Turn webhooks and their deliveries into the values that the API answers with."""

from __future__ import annotations

from typing import Any

from app.api.http.blueprint import PREFIX
from app.clock import rfc3339
from app.models import Webhook, WebhookDelivery
from app.services.context import Context
from app.services.webhooks.secrets import open_url


def present_webhook(ctx: Context, row: Webhook) -> dict[str, Any]:
    base = _base(row.id)
    return {
        "id": row.id,
        "name": row.name,
        "project": {"id": row.project.id, "name": row.project.name} if row.project else None,
        "url": open_url(ctx.keys, row),
        "events": list(row.events),
        "format": row.format,
        "enabled": row.is_enabled,
        "disabled_because": row.disabled_because,
        "previous_secret_until": rfc3339(row.previous_secret_until),
        "created_by": row.created_by,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "links": {"self": base, "deliveries": f"{base}/deliveries"},
    }


def present_delivery(row: WebhookDelivery) -> dict[str, Any]:
    base = _base(row.webhook_id)
    return {
        "id": row.id,
        "event_id": row.event_id,
        "event_type": row.event.type,
        "redelivery_of": row.redelivery_of,
        "status": row.status,
        "attempts": row.attempts,
        "created_at": rfc3339(row.created_at),
        "attempted_at": rfc3339(row.attempted_at),
        "next_attempt_at": rfc3339(row.next_attempt_at),
        "response_status": row.response_status,
        "response_excerpt": row.response_excerpt,
        "duration_ms": row.duration_ms,
        "error": row.error,
        "links": {"self": f"{base}/deliveries/{row.id}", "webhook": base},
    }


def _base(webhook_id: str) -> str:
    return f"{PREFIX}/webhooks/{webhook_id}"
