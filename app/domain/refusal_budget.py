"""How many refusals are worth an event: enough to see an attack, not enough to fill a disk.

One caller gets ``FOR_ONE`` events a minute and all together ``IN_ALL``; what is beyond is counted.
"""

from __future__ import annotations

import threading
from collections import Counter

WINDOW_SECONDS = 60.0
FOR_ONE = 10
IN_ALL = 60


class RefusalBudget:
    """What may still be recorded in this minute; thread-safe, of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends_at = 0.0
        self._recorded: Counter[str] = Counter()
        self._unrecorded = 0

    def take(self, caller: str, now: float) -> int | None:
        """Ask whether to record a refusal.

        Args:
            caller: whose it is.
            now: seconds on a clock that never goes back.

        Returns:
            How many went unrecorded before this one; nothing when this one goes unrecorded too.
        """
        with self._lock:
            if now >= self._ends_at:
                self._ends_at = now + WINDOW_SECONDS
                self._recorded.clear()
            if self._recorded[caller] >= FOR_ONE or self._recorded.total() >= IN_ALL:
                self._unrecorded += 1
                return None
            self._recorded[caller] += 1
            before, self._unrecorded = self._unrecorded, 0
            return before
