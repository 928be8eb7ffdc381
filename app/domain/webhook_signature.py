"""How a message to a webhook is signed: Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
SECRET_OVERLAP = timedelta(hours=24)
"""How long the secret of before still signs, so that receivers can be changed without a gap."""


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
