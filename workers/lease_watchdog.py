"""The watchdog: a thread that stops Terraform where a worker of this host cannot."""

from __future__ import annotations

import threading
import time

from app.services.context import Context
from app.services.engine.lease_watch import LeaseWatch

LOOK_SECONDS = 1.0


class LeaseWatchdog(threading.Thread):
    """Looks at the leases of this host once a second, for as long as the process lives.

    A thread of its own, because the maintenance loop may be waiting for the database.
    """

    def __init__(self, ctx: Context) -> None:
        """Prepare a thread that ends with the process."""
        super().__init__(name="lease-watchdog", daemon=True)
        self._watch = LeaseWatch(ctx)

    def run(self) -> None:
        """Look for ever."""
        while True:
            self._watch.look()
            time.sleep(LOOK_SECONDS)
