"""What is printed: tables that fit, colours on terminals only, questions, safe text."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

GOOD = {"ready", "applied", "planned_and_finished", "in_sync", "done"}
BAD = {"failed", "errored", "interrupted", "needs_attention", "drifted", "refused"}
COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
NARROWEST = 7


def has_colour(stream: TextIO) -> bool:
    """Tell whether a stream takes colours: a terminal, and nobody said no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Return the text in a colour, where ``stream`` takes colours."""
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if has_colour(stream) else text


def printable(value: object) -> str:
    """Return text without characters that a terminal would obey."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)
    )


def in_words(value: str) -> str:
    """Return a status as people read it: ``needs attention``."""
    return value.replace("_", " ")


def age(moment: str | None, now: datetime | None = None) -> str:
    """Return how long ago a time was: ``12s``, ``5m``, ``3h``, ``8d``."""
    if not moment:
        return "-"
    passed = (now or datetime.now(UTC)) - datetime.fromisoformat(moment)
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under titles; on a terminal wide columns are cut so that a row is one line."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(titles), *cells]) for i in range(len(titles))]
    if sys.stdout.isatty():
        widths = fit(widths, shutil.get_terminal_size().columns)
        titles = titles[: len(widths)]
    print(paint(_line(titles, widths), "bold", sys.stdout))
    for row in cells:
        print(_line(row, widths, has_colour(sys.stdout)))


def fit(widths: list[int], columns: int) -> list[int]:
    """Return widths with which a line, two spaces between cells, has no more than ``columns``.

    The first column, which names the row, stays whole; others become narrower, and the last ones
    are left out where even that is too much.
    """
    fitted = list(widths)
    while len(fitted) > 1 and _least(fitted) > columns:
        fitted.pop()
    while _length(fitted) > columns and len(fitted) > 1:
        widest = max(range(1, len(fitted)), key=fitted.__getitem__)
        fitted[widest] -= 1
    return fitted


def _least(widths: list[int]) -> int:
    return _length([widths[0], *(min(width, NARROWEST) for width in widths[1:])])


def _length(widths: list[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _line(cells: Sequence[str], widths: list[int], is_coloured: bool = False) -> str:
    parts = []
    for cell, width in zip(cells, widths, strict=False):
        text = cell if len(cell) <= width else f"{cell[: width - 1]}…"
        padded = text.ljust(width)
        word = cell.replace(" ", "_")
        if is_coloured and word in GOOD | BAD:
            padded = f"\x1b[{COLOURS['green' if word in GOOD else 'red']}m{padded}\x1b[0m"
        parts.append(padded)
    return "  ".join(parts).rstrip()


def say(text: str) -> None:
    """Tell people something; standard output is for what was asked for."""
    print(text, file=sys.stderr)


def may_ask() -> bool:
    """Tell whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> bool:
    """Ask on the terminal; anything but yes is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
