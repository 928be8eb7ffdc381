"""Which of two semantic versions is newer (semver.org 2.0.0 §11). Pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True)
class Version:
    """A semantic version; what follows ``+`` says nothing about its order."""

    text: str

    def __lt__(self, other: Version) -> bool:
        """Tell whether ``other`` is newer."""
        return self._key < other._key

    @property
    def _key(self) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
        core, _, extra = self.text.partition("+")[0].partition("-")
        numbers = tuple(int(part) for part in core.split("."))
        # A release is newer than its pre-releases; in these, numbers come before words.
        parts = tuple(_identifier(part) for part in extra.split(".")) if extra else ()
        return numbers, not extra, parts


def _identifier(part: str) -> tuple[bool, int, str]:
    return (False, int(part), "") if part.isdigit() else (True, 0, part)
