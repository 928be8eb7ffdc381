"""What earlier runs have found out: a long run may be interrupted and goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


class Ledger:
    """Results by mutant and by the text of the tests that were run against it."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what is in ``path``; without one, nothing is kept."""
        self._path = path
        self._results: dict[str, bool] = {}
        if path is not None and path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self._results = dict(json.loads(line) for line in lines)

    @staticmethod
    def key_of(source: str, tests: Iterable[Path]) -> str:
        """Return what names a mutant and its tests; a change of either makes another key."""
        digest = hashlib.sha256(source.encode())
        for test in tests:
            digest.update(test.read_bytes())
        return digest.hexdigest()

    def get(self, key: str) -> bool | None:
        return self._results.get(key)

    def add(self, key: str, *, is_killed: bool) -> None:
        self._results[key] = is_killed
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, is_killed]) + "\n")
