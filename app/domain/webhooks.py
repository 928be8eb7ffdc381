"""What webhooks are told of, and what becomes of a message."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """What a webhook can be told of."""

    OPERATION_ENDED = "operation.ended"
    APPROVAL_WANTED = "operation.approval_wanted"
    DRIFT_FOUND = "drift.found"
    DRIFT_CHANGED = "drift.changed"
    DRIFT_GONE = "drift.gone"
    DRIFT_UNKNOWN = "drift.unknown"
    AUTO_RECONCILE_OFF = "drift.auto_reconcile_off"
    DRIFT_DIGEST = "drift.digest"
    NEEDS_ATTENTION = "stack.needs_attention"
    STACK_EXPIRING = "stack.expiring"


TEST_EVENT = "webhook.test"
"""Sent on demand, to whoever listens to whatever."""


class WebhookFormat(StrEnum):
    """The shape of the body: Landform's own, or what Slack and those like it show."""

    STANDARD = "standard"
    SLACK = "slack"


class DeliveryStatus(StrEnum):
    """What became of a message to one webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
