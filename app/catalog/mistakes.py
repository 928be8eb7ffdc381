"""What is wrong with the files of a catalogue: collected, sorted, reported all at once.

Owns the form ``file:line: message``. It knows nothing of what makes a file right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.errors import CatalogError


@dataclass(frozen=True, order=True)
class Mistake:
    """One mistake in one file; ``message`` says what is wrong and what to do."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class MistakeList:
    """Collects mistakes while the catalogue is read."""

    def __init__(self) -> None:
        self._mistakes: set[Mistake] = set()

    def add(self, file: Path, line: int, message: str) -> None:
        """Note that ``message`` is wrong at ``line`` (counted from 1) of ``file``."""
        self._mistakes.add(Mistake(str(file), line, message))

    def count(self) -> int:
        """Return how many mistakes were noted so far."""
        return len(self._mistakes)

    def raise_if_any(self) -> None:
        """Report everything that was noted.

        Raises:
            CatalogError: ``detail`` has one line for each mistake, sorted by file and line;
                ``context["mistakes"]`` has the same as a list.
        """
        if self._mistakes:
            lines = [str(mistake) for mistake in sorted(self._mistakes)]
            raise CatalogError("\n".join(lines), context={"mistakes": lines})
