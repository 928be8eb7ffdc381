"""What ``make run`` prints: lines of several processes, each behind the name of its process."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TextIO

OWN_NAME = "landform"


class Terminal:
    """Prints whole lines, one at a time, from any thread."""

    def __init__(self, output: TextIO, width: int = len(OWN_NAME)) -> None:
        """Write to ``output``, names padded to ``width`` characters."""
        self._output = output
        self._width = width
        self._lock = threading.Lock()

    def show(self, name: str, line: str) -> None:
        """Print a line of the process ``name``."""
        self._write(f"{name:<{self._width}} | {line}\n")

    def say(self, line: str) -> None:
        """Print a line of the supervisor itself."""
        self.show(OWN_NAME, line)

    def frame(self, lines: list[str]) -> None:
        """Print ``lines`` between two rules, in one piece."""
        rule = "-" * max(map(len, lines))
        self._write("\n".join(["", rule, *lines, rule, "", ""]))

    def _write(self, text: str) -> None:
        # The terminal may be gone; the processes must go on, and be stopped in order.
        with self._lock, suppress(OSError):
            self._output.write(text)
            self._output.flush()
