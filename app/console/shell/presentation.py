"""How values are written for people: times, durations, sizes, JSON; and what every page knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, request

from app import exact_json
from app.clock import rfc3339, utc_now
from app.console.shell.appearance import THEMES, current_theme
from app.console.shell.guard import HOME, READING, csrf_token
from app.console.shell.labels.access import SCOPE
from app.console.shell.labels.families import label_for
from app.console.shell.labels.label import plain
from app.console.shell.labels.operations import PLAN_REASON, RESOLUTION, STEP_NAME, WAIT
from app.console.shell.labels.stacks import AUTO_APPLY
from app.console.shell.labels.webhooks import EVENT, WEBHOOK_FORMAT
from app.domain.operation_registry import operation_facts
from app.domain.webhooks import TEST_EVENT
from app.plain_text import printable

STEPS = (("d", 86400), ("h", 3600), ("min", 60))
NOW_SECONDS = 10
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\+\d\d:\d\d|Z)")
LONG = 100
SORTING = ("order", "sort")


def register(app: Flask) -> None:
    """Give the templates of ``app`` these filters and facts."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        rfc3339=rfc3339,
        exact=exact,
        relative=relative,
        with_distances=with_distances,
        span=span,
        duration=duration,
        exact_span=exact_span,
        size=size,
        shown=shown,
        indented=indented,
        is_long=is_long,
        plain=plain,
        current_view=is_view,
    )
    app.jinja_env.globals.update(
        label_for=label_for,
        operation_types={name: facts.label for name, facts in operation_facts().items()},
        step_names=STEP_NAME,
        auto_apply_words=AUTO_APPLY,
        plan_reasons=PLAN_REASON,
        wait_words=WAIT,
        event_words={**EVENT, TEST_EVENT: "Test"},
        format_words=WEBHOOK_FORMAT,
        scope_words=SCOPE,
        resolution_words=RESOLUTION,
        utc_now=utc_now,
        themes=THEMES,
    )
    app.context_processor(_facts_of_page)


def exact(moment: datetime) -> str:
    """Write a time in full: ``2026-11-23 04:17:03 UTC``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative(moment: datetime) -> str:
    """Write a time as a distance from now: ``5 min ago``, ``in 2 h``."""
    seconds = (utc_now() - moment).total_seconds()
    if abs(seconds) < NOW_SECONDS:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def with_distances(text: str) -> str:
    """Write the times in a sentence of a service as distances from now."""
    return MOMENT.sub(lambda found: relative(datetime.fromisoformat(found[0])), text)


def span(seconds: float) -> str:
    """Write a length of time with its largest unit: ``42 s``, ``3 min``, ``2 d``."""
    for unit, length in STEPS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def duration(start: datetime, end: datetime | None = None) -> str:
    """Write how long something took, or takes since ``start``: ``0.4 s``, ``1 min 05 s``."""
    return exact_span(max(0.0, ((end or utc_now()) - start).total_seconds()))


def exact_span(seconds: float) -> str:
    """Write a length of time in full: ``0.4 s``, ``1 min 05 s``, ``2 h 07 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def size(count: int) -> str:
    """Write a number of bytes: ``512 B``, ``4.2 KiB``."""
    if count < 1024:
        return f"{count} B"
    amount = count / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.1f} {unit}"


def shown(value: Any) -> str:
    """Write a JSON value on one line for a person."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value) if value else '""'
    return exact_json.dumps(value, ensure_ascii=False, sort_keys=True)


def indented(value: Any) -> str:
    """Write a JSON value on as many lines as it takes."""
    if isinstance(value, str):
        return printable(value)
    return exact_json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2)


def is_long(value: Any) -> bool:
    """Tell whether a value is better folded than shown on one line."""
    return isinstance(value, dict | list | str) and len(shown(value)) > LONG


def is_view(filters: Mapping[str, str | None], wanted: Mapping[str, str]) -> bool:
    """Tell whether a list shows exactly what a view of it asks for, however it is sorted."""
    active = {name: value for name, value in filters.items() if value and name not in SORTING}
    return active == dict(wanted)


def _facts_of_page() -> dict[str, Any]:
    principal = g.get("principal")
    here = request.full_path.rstrip("?") if request.method in READING else HOME
    return {
        "principal": principal,
        "csrf_token": csrf_token(),
        "theme": current_theme(),
        "here": here,
    }
