"""How much of what one subcommand prints is kept.

A module may print as much as it likes: without a bound, one loop in a shell would fill the database
that all share, and hold its lock meanwhile. What became of a resource is always kept, because
salvage and the search for orphans need it; there are as many of those lines as resources.
"""

from __future__ import annotations

from app.terraform.events import Event

MAX_LINES = 20_000
MAX_BYTES = 8 * 2**20
MAX_ERRORS = 1000
"""Errors beyond the rest: why something failed is not hidden behind a flood."""
OF_RESOURCES = frozenset({
    "apply_start",
    "apply_complete",
    "apply_errored",
    "planned_change",
    "resource_drift",
    "change_summary",
    "outputs",
})  # fmt: skip


class OutputBudget:
    """What is left to be printed by one subcommand."""

    def __init__(self) -> None:
        """Begin with everything."""
        self._lines, self._bytes, self._errors = MAX_LINES, MAX_BYTES, MAX_ERRORS

    @property
    def is_spent(self) -> bool:
        """Whether only resources and some errors are kept from now on."""
        return self._lines <= 0 or self._bytes <= 0

    def admits(self, event: Event, size_bytes: int) -> bool:
        """Count ``event``, a line of ``size_bytes``, and tell whether it is kept."""
        if event.type in OF_RESOURCES:
            return True
        if not self.is_spent:
            self._lines -= 1
            self._bytes -= size_bytes
            return True
        if event.diagnostic is None or not event.diagnostic.is_error:
            return False
        self._errors -= 1
        return self._errors >= 0

    def last_words(self) -> Event:
        """Return the event that says that the rest is not kept."""
        return Event(
            type="log",
            level="warn",
            message=f"More than {MAX_LINES} lines or {MAX_BYTES // 2**20} MiB were printed. What "
            "follows is not kept, but for errors and what becomes of resources.",
            timestamp="",
        )
