"""The fence of a writer of state: a number that grows with each new writer of a stack.

SQL gives the numbers; the store compares them in the same step in which it writes. So a writer that
sleeps and wakes up after a newer one has begun writes nothing more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Fence:
    """The right of one writer to the state of a stack.

    Args:
        number: a newer writer has a higher one; 0 means that nobody was fenced yet.
        writer: chance, which tells two writers apart that a database which lost its last commits
            has given the same number.
    """

    number: int = 0
    writer: str = ""

    @classmethod
    def new(cls, number: int) -> Fence:
        """Return the fence of a new writer."""
        return cls(number, secrets.token_hex(8))

    def is_passed_by(self, other: Fence) -> bool:
        """Tell whether ``other`` is that of a newer writer, or another one of the same number."""
        return other != self and other.number >= self.number


NO_FENCE = Fence()
