"""The form of a weekly window, for when changes are applied and for when stacks are checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.console.shell.forms.entry import FormEntry, checks, choice
from app.console.shell.forms.fields import Field, Option
from app.domain.change_windows import DAYS, Effect
from app.errors import LandformError, ValidationError

MAX_ZONE = 64
CLOCK_TIME = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
IN_A_LIST = re.compile(r"^(/drift)?/windows/\d+")
DAY_NAMES = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


def window_fields(effects: Mapping[Effect, str]) -> tuple[Field, ...]:
    """Return the fields of a window; ``effects`` says in words what each does."""
    words = [(effect.value, text) for effect, text in effects.items()]
    return (
        choice("/effect", "Effect", words),
        checks("/days", "Days", [Option(day, DAY_NAMES[day]) for day in DAYS]),
        Field("/start", "text", "Start", example="22:00", is_required=True),
        Field(
            "/end",
            "text",
            "End",
            help="An end at or before the start is on the next day.",
            example="04:00",
            is_required=True,
        ),
        Field("/timezone", "text", "Time zone", example="Europe/Berlin", default="UTC"),
    )


def read_window(entry: FormEntry) -> dict[str, Any]:
    """Return the window that was typed.

    Raises:
        ValidationError: it has no day, a time that is none, or an effect that was not offered.
    """
    effect, days = entry.text("/effect"), entry.many("/days")
    if effect not in [item.value for item in Effect]:
        raise ValidationError.at("/effect", "Choose one of the listed options.")
    if not days or not set(days) <= set(DAYS):
        raise ValidationError.at("/days", "Choose at least one day.")
    for pointer in ("/start", "/end"):
        if not CLOCK_TIME.fullmatch(entry.text(pointer)):
            raise ValidationError.at(pointer, "Use the format 09:30.")
    return {
        "effect": effect,
        "days": days,
        "start": entry.text("/start"),
        "end": entry.text("/end"),
        "timezone": entry.text("/timezone")[:MAX_ZONE] or "UTC",
    }


def refused_window(entry: FormEntry, error: LandformError) -> FormEntry:
    """Return the form of a new window, the last of a list, with its problems at its own fields."""
    problems = tuple(
        replace(item, pointer=IN_A_LIST.sub("", item.pointer)) for item in error.problems
    )
    return replace(entry.after(error), problems=problems)
