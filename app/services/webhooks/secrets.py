"""Seal and open what a webhook keeps secret: its URL, which may hold a token, and its secrets."""

from __future__ import annotations

from app.clock import utc_now
from app.crypto import KeyRing
from app.domain.webhook_signature import SECRET_OVERLAP, new_secret
from app.models import Webhook


def seal_url(keys: KeyRing, webhook: Webhook, url: str) -> None:
    """Keep the URL."""
    webhook.sealed_url = keys.encrypt(url.encode(), f"webhook-url:{webhook.id}")


def open_url(keys: KeyRing, webhook: Webhook) -> str:
    """Return the URL.

    Raises:
        DecryptionError: another key, or a changed byte.
    """
    return keys.decrypt(webhook.sealed_url, f"webhook-url:{webhook.id}").decode()


def renew_secret(keys: KeyRing, webhook: Webhook) -> str:
    """Give the webhook a new secret and return it; the one of before signs for a while longer."""
    secret = new_secret()
    if webhook.sealed_secret is not None:
        webhook.sealed_previous_secret = webhook.sealed_secret
        webhook.previous_secret_until = utc_now() + SECRET_OVERLAP
    webhook.sealed_secret = keys.encrypt(secret.encode(), f"webhook-secret:{webhook.id}")
    return secret


def open_secrets(keys: KeyRing, webhook: Webhook) -> list[str]:
    """Return the secrets that sign at this moment, the newest first.

    Raises:
        DecryptionError: another key, or a changed byte.
    """
    sealed = [webhook.sealed_secret]
    until = webhook.previous_secret_until
    if webhook.sealed_previous_secret is not None and until is not None and utc_now() < until:
        sealed.append(webhook.sealed_previous_secret)
    return [keys.decrypt(item, f"webhook-secret:{webhook.id}").decode() for item in sealed]
