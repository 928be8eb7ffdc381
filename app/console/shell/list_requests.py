"""What the address of a list asks for: filters and a cursor, kept in the URL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from app.console.shell.labels.families import filter_text, filter_title
from app.errors import ValidationError
from app.services.paging import PageRequest

PAGE_ROWS = 50
MAX_TEXT = 100
OLDEST = "oldest"
ORDERS = {"newest": "Newest first", OLDEST: "Oldest first"}
MAX_SERIAL_DIGITS = 19


@dataclass(frozen=True)
class Chip:
    """An active filter, and the address of the list without it."""

    name: str
    value: str
    without: str


def wanted_page(rows: int = PAGE_ROWS) -> PageRequest:
    """Return which part of the list is asked for, of at most so many rows."""
    return PageRequest(limit=rows, cursor=request.args.get("cursor") or None)


def wanted_choice(name: str, choices: Collection[str]) -> str | None:
    """Return the value of a filter, or ``None`` when it is not set.

    Raises:
        ValidationError: it is none of ``choices``.
    """
    value = request.args.get(name) or None
    if value is not None and value not in choices:
        raise ValidationError.at(f"?{name}", f"Choose one of: {', '.join(sorted(choices))}.")
    return value


def wanted_text(name: str, length: int = MAX_TEXT) -> str | None:
    """Return the text of a filter, cut to ``length``, or ``None`` when it is empty."""
    return request.args.get(name, "").strip()[:length] or None


def wanted_number(name: str) -> int:
    """Return a number of the address; what is no number, or absent, is 0."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_SERIAL_DIGITS else 0


def wanted_serial(name: str) -> int | None:
    """Return the serial of a state version, or ``None`` when none is asked for.

    Raises:
        ValidationError: it is no number.
    """
    text = request.args.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < MAX_SERIAL_DIGITS):
        raise ValidationError.at(f"?{name}", "Give the serial of a state version.")
    return int(text)


def wanted_form_choice(name: str, choices: Collection[str]) -> str | None:
    """Return what a form chose, or ``None`` when the field is empty.

    Raises:
        ValidationError: it is none of ``choices``.
    """
    value = request.form.get(name) or None
    if value is not None and value not in choices:
        raise ValidationError.at(f"/{name}", f"Choose one of: {', '.join(choices)}.")
    return value


def wanted_form_text(name: str, length: int = MAX_TEXT) -> str | None:
    """Return the text of a field of a form, or ``None`` when it is empty.

    Raises:
        ValidationError: it is longer than the field takes.
    """
    text = request.form.get(name, "").strip()
    if len(text) > length:
        raise ValidationError.at(f"/{name}", f"Enter at most {length} characters.")
    return text or None


def chips_for(
    endpoint: str, filters: dict[str, str | None], keep: dict[str, Any] | None = None
) -> list[Chip]:
    """Return a chip for each filter that is set; ``keep`` stays in the address of each."""
    active = {name: value for name, value in filters.items() if value is not None}
    return [
        Chip(
            filter_title(name),
            filter_text(name, value),
            url_for(endpoint, **(keep or {}), **_other(active, name)),
        )
        for name, value in active.items()
    ]


def next_address(endpoint: str, cursor: str | None, filters: dict[str, str | None]) -> str | None:
    """Return the address of the next page, or ``None`` on the last one."""
    active: dict[str, Any] = {key: value for key, value in filters.items() if value is not None}
    return url_for(endpoint, cursor=cursor, **active) if cursor else None


def _other(active: dict[str, str], name: str) -> dict[str, Any]:
    return {key: value for key, value in active.items() if key != name}
