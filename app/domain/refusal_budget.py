"""How many refusals are worth an event: enough to see an attack, not enough to fill a disk.

One caller gets ``FOR_ONE`` events a minute and all together ``IN_ALL``, for each kind of refusal on
its own: a flood of bad sign-ins must not hide somebody who tries the ids of another project. What
is beyond is counted.
"""

from __future__ import annotations

import threading
from collections import Counter
from enum import StrEnum

WINDOW_SECONDS = 60.0
FOR_ONE = 10
IN_ALL = 60


class RefusalKind(StrEnum):
    """What was refused; each kind has a budget of its own."""

    SIGN_IN = "sign_in"
    """A password, or a sign-in, was wrong."""
    RIGHT = "right"
    """The caller sees the thing and may not do this with it."""
    FOREIGN = "foreign"
    """The thing is another's: the caller does not see it, or wanted to take it in."""


class RefusalBudget:
    """What may still be recorded in this minute; thread-safe, of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends_at = 0.0
        self._recorded: Counter[tuple[RefusalKind, str]] = Counter()
        self._of_kind: Counter[RefusalKind] = Counter()
        self._unrecorded: Counter[RefusalKind] = Counter()
        self._totals: Counter[RefusalKind] = Counter()

    def take(self, kind: RefusalKind, caller: str, now: float) -> int | None:
        """Ask whether to record a refusal.

        Args:
            kind: what was refused.
            caller: whose it is.
            now: seconds on a clock that never goes back.

        Returns:
            How many of the kind went unrecorded before this one; nothing when this one does too.
        """
        with self._lock:
            self._totals[kind] += 1
            if now >= self._ends_at:
                self._ends_at = now + WINDOW_SECONDS
                self._recorded.clear()
                self._of_kind.clear()
            if self._recorded[kind, caller] >= FOR_ONE or self._of_kind[kind] >= IN_ALL:
                self._unrecorded[kind] += 1
                return None
            self._recorded[kind, caller] += 1
            self._of_kind[kind] += 1
            return self._unrecorded.pop(kind, 0)

    def totals(self) -> dict[RefusalKind, int]:
        """Return how many there were of each kind since this process began."""
        with self._lock:
            return {kind: self._totals[kind] for kind in RefusalKind}
