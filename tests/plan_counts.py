"""What a plan would do, in numbers, as every answer and every row gives it."""

from __future__ import annotations

NAMES = ("add", "change", "destroy", "replace", "import", "move", "forget")


def counts(**named: int) -> dict[str, int]:
    """Return all counts: those that are named, and 0 for the others."""
    unknown = named.keys() - set(NAMES)
    assert not unknown, unknown
    return {name: named.get(name, 0) for name in NAMES}
