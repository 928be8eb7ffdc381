"""A thread of the campaign that cannot end unseen: what it did not check would count as kept."""

from __future__ import annotations

import threading
import traceback
from abc import ABC, abstractmethod

from tests.campaign.findings import Promise, Tally


class GuardedThread(threading.Thread, ABC):
    """Does ``work`` until it returns; an error in it is a problem of the campaign."""

    def __init__(self, name: str, tally: Tally) -> None:
        super().__init__(name=name, daemon=True)
        self._tally = tally
        self._stop_asked = threading.Event()

    def run(self) -> None:
        is_whole = False
        try:
            self.work()
            is_whole = True
        finally:
            if not is_whole:
                told = traceback.format_exc()[-1500:]
                self._tally.problem(Promise.UNCHECKED, f"{self.name} ended early: {told}")

    @abstractmethod
    def work(self) -> None:
        """What it does; returns at its end."""

    def ask_to_stop(self) -> None:
        self._stop_asked.set()

    def stop(self) -> None:
        """Ask, and wait for its end."""
        self.ask_to_stop()
        self.join()
