"""The maintenance loop: a thread of the scheduler that keeps SQL and reality together."""

from __future__ import annotations

import threading
import time

from app.services.audit_trail.anchors import Anchorer
from app.services.context import Context
from app.services.installation.leadership import Leadership
from workers.duties import ROUND_SECONDS, Duty, DutyRoster, RunsOn, duties_of


class MaintenanceLoop(threading.Thread):
    """Does the duties of ``workers.duties`` as they become due, for as long as the process lives.

    It must not depend on Redis or on a free worker: it finds workers that died and notifies others.
    """

    def __init__(self, ctx: Context, *more: Duty) -> None:
        """Prepare a thread that ends with the process; it does ``more`` duties after its own."""
        super().__init__(name="maintenance", daemon=True)
        self._anchorer, self._leadership = Anchorer(ctx), Leadership(ctx)
        leading = Duty("keep_leadership", lambda _: self._leadership.keep(), runs_on=RunsOn.HOST)
        duties = (leading, *duties_of(self._anchorer), *more)
        self.roster = DutyRoster(ctx, duties, leads=self._leadership.is_held)

    def conclude(self) -> None:
        """Do what is left to a leader that stops, and let another lead at once."""
        if self._leadership.is_held():
            self._anchorer.write()
        self._leadership.give_up()

    def run(self) -> None:
        """Go round for ever."""
        while True:
            self.roster.go_round()
            time.sleep(ROUND_SECONDS)
