"""What is wrong with the files of a catalog: collected, sorted, reported all at once.

Owns the form ``file:line: message``. It knows nothing of what makes a file right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.errors import CatalogError


@dataclass(frozen=True, order=True)
class CatalogDiagnostic:
    """What is wrong at one place of a file; ``message`` says what is wrong and what to do."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Diagnostics:
    """Collects diagnostics while the catalog is read."""

    def __init__(self) -> None:
        self._diagnostics: set[CatalogDiagnostic] = set()

    def add(self, file: Path, line: int, message: str) -> None:
        """Note ``message`` about ``line`` (counted from 1) of ``file``."""
        self._diagnostics.add(CatalogDiagnostic(str(file), line, message))

    def count(self) -> int:
        """Return how many diagnostics were noted so far."""
        return len(self._diagnostics)

    def raise_if_any(self) -> None:
        """Report everything that was noted.

        Raises:
            CatalogError: ``detail`` has one line for each diagnostic, sorted by file and line;
                ``context["diagnostics"]`` has the same as a list.
        """
        if self._diagnostics:
            lines = [str(diagnostic) for diagnostic in sorted(self._diagnostics)]
            raise CatalogError("\n".join(lines), context={"diagnostics": lines})
