"""How a status looks: one word, one tone, one icon. Colour is never alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """How a status looks. ``tone``: good, busy, attention, bad or quiet."""

    text: str
    tone: str
    icon: str


def plain(name: str) -> str:
    """Return a name of the code as people write it: ``object_type`` as ``Object type``."""
    return name.replace("_", " ").capitalize()
