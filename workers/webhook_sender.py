"""The thread of the scheduler process that sends webhooks.

It must not depend on Redis or on a free worker; the messages and their order are in SQL.
"""

from __future__ import annotations

import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from app.errors import LandformError
from app.logs import get_logger
from app.notify.webhook_client import WebhookClient
from app.services.context import Context
from app.services.webhooks.sender import due_webhooks, serve_webhook

POLL_SECONDS = 1.0
AT_ONCE = 16
"""Webhooks that are sent to at the same time; a slow receiver holds one of these only."""

SLOW_AT_ONCE = 8
"""Of these, receivers whose last answer took long or never came: the others must not wait."""

log = get_logger(__name__)


class WebhookSender(threading.Thread):
    """Looks for due messages every ``POLL_SECONDS`` and has each webhook served by a thread."""

    def __init__(self, ctx: Context, client: WebhookClient | None = None) -> None:
        """Prepare a thread that ends with the process."""
        super().__init__(name="webhook-sender", daemon=True)
        self._ctx = ctx
        self._client = client or WebhookClient(ctx.settings.webhook_networks)
        self._at_work: dict[str, threading.Thread] = {}
        self._slow: set[str] = set()

    def run(self) -> None:
        """Go round for ever; trouble with the database ends one round only."""
        while True:
            try:
                self.go_round()
            except SQLAlchemyError as error:
                log.error("webhook_round_failed", error=str(error))
            time.sleep(POLL_SECONDS)

    def go_round(self) -> list[threading.Thread]:
        """Start serving every webhook that has something due; return what is at work now."""
        self._at_work = {key: work for key, work in self._at_work.items() if work.is_alive()}
        self._slow &= self._at_work.keys()
        for due in due_webhooks(self._ctx):
            if due.id in self._at_work or len(self._at_work) >= AT_ONCE:
                continue
            if due.is_slow and len(self._slow) >= SLOW_AT_ONCE:
                continue
            # A daemon: the end of the process must not wait for a slow receiver.
            work = threading.Thread(target=self._serve, args=[due.id], daemon=True)
            self._at_work[due.id] = work
            if due.is_slow:
                self._slow.add(due.id)
            work.start()
        return list(self._at_work.values())

    def _serve(self, webhook_id: str) -> None:
        try:
            serve_webhook(self._ctx, self._client, webhook_id)
        except (SQLAlchemyError, LandformError) as error:
            # Its claim lapses and it is tried again.
            log.error("webhook_not_served", webhook_id=webhook_id, error=str(error))
