"""How a sentence for people names a status or a type; what code and API call it is no English."""

from __future__ import annotations

SAID = {"pending": "queued", "planned_and_finished": "finished"}
"""What the console calls a status, where that is not its name."""


def in_words(value: str) -> str:
    """Return a status or a type of operations or stacks as a sentence names it."""
    return SAID.get(value, value.replace("_", " "))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
