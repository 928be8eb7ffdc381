"""Webhooks: what they are told of, in which format, and how that went."""

from __future__ import annotations

from app.console.shell.labels.label import Label
from app.domain.webhooks import DeliveryStatus, EventType, WebhookFormat

WEBHOOK: dict[str, Label] = {
    "enabled": Label("Enabled", "good", "check"),
    "disabled": Label("Disabled", "attention", "minus"),
}

DELIVERY: dict[str, Label] = {
    DeliveryStatus.PENDING: Label("Pending", "busy", "clock"),
    DeliveryStatus.DELIVERED: Label("Delivered", "good", "check"),
    DeliveryStatus.DEAD: Label("Failed", "bad", "cross"),
}

EVENT: dict[str, str] = {
    EventType.OPERATION_ENDED: "Operation ended",
    EventType.APPROVAL_WANTED: "Plan awaiting approval",
    EventType.DRIFT_FOUND: "Drift detected",
    EventType.DRIFT_CHANGED: "Drift changed",
    EventType.DRIFT_GONE: "Drift resolved",
    EventType.DRIFT_UNKNOWN: "Drift unknown: checks keep failing",
    EventType.AUTO_RECONCILE_OFF: "Automatic reconciliation turned off",
    EventType.DRIFT_DIGEST: "Drift digest",
    EventType.NEEDS_ATTENTION: "Stack needs attention",
    EventType.STACK_EXPIRING: "Stack expiring soon",
}

WEBHOOK_FORMAT: dict[str, str] = {
    WebhookFormat.STANDARD: "Standard Webhooks (signed JSON)",
    WebhookFormat.SLACK: "Slack (one line of text)",
}
