"""The rules of webhooks: what is told, how a message is signed, when it is tried again.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

PAYLOAD_VERSION = 1
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
DELAYS_SECONDS = (5, 30, 120, 600, 1800)
"""Before the second, third, … attempt; the last one is repeated. Up to a fifth more or less."""

JITTER = 0.2
GIVE_UP_AFTER = timedelta(hours=24)
DISABLE_AFTER_DEAD = 10
SECRET_OVERLAP = timedelta(hours=24)
"""How long the secret of before still signs, so that receivers can be changed without a gap."""


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


def new_secret() -> str:
    """Make a signing secret."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``webhook-signature``: one signature for each secret.

    Args:
        keys: secrets as ``new_secret`` made them.
        message_id: the same at every attempt.
        timestamp: seconds since 1970, of this attempt.
        body: the bytes that are sent.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_sign(key, signed) for key in keys)


def _sign(key: str, signed: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(raw, signed, "sha256")).decode()


def next_attempt(
    created_at: datetime, now: datetime, attempts: int, chance: float
) -> datetime | None:
    """Return when to try again, or nothing when it is time to give up.

    Args:
        created_at: when the message was made.
        now: when the last attempt failed.
        attempts: how many there were.
        chance: from 0 to 1; spreads those that failed together.
    """
    if now - created_at >= GIVE_UP_AFTER:
        return None
    seconds = DELAYS_SECONDS[min(attempts, len(DELAYS_SECONDS)) - 1]
    return now + timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * chance))
