"""The form of a stack's settings: its fields, what they hold now, what was typed as a change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from app.clock import utc_now
from app.console.forms.entry import Entry, choice
from app.console.forms.fields import Field, Option
from app.console.forms.values import ON, read_pairs
from app.console.words import AUTO_APPLY
from app.domain.operations import AutoApply
from app.domain.stacks import OnExpiry
from app.errors import FieldProblem, ValidationError
from app.models import Stack
from app.services.schedules import DriftSettings
from app.services.stacks import StackChange

FOLLOW, CRON, NEVER = "follow", "cron", "never"
PERIODS = {"300": "5 minutes", "3600": "hour", "21600": "6 hours", "86400": "day"}
MOMENT = "%Y-%m-%d %H:%M"
ON_EXPIRY = {
    OnExpiry.DESTROY: "Destroy it without asking",
    OnExpiry.ASK: "Plan its destruction and ask a person",
}


def settings_fields(stack: Stack) -> tuple[Field, ...]:
    """Return the fields of the form for a stack."""
    return (
        choice(
            "/auto_apply",
            "Apply without asking",
            AUTO_APPLY.items(),
            help_="When a plan of this stack is carried out without a person's approval.",
        ),
        Field(
            "/deletion_protection",
            "checkbox",
            "Protect from deletion",
            help="It cannot be destroyed until this is switched off.",
        ),
        choice("/drift", "Check for drift", _rhythms(stack)),
        Field(
            "/drift/cron",
            "text",
            "Cron line",
            help="Five fields, in UTC; used when chosen above.",
            example="30 4 * * 1-5",
        ),
        Field(
            "/expires_at",
            "text",
            "Life time ends",
            help="Year-month-day hour:minute in UTC; empty for a stack that stays.",
            example="2027-01-31 18:00",
        ),
        choice("/on_expiry", "At the end of its life time", ON_EXPIRY.items()),
        Field(
            "/labels",
            "pairs",
            "Labels",
            help="One name=value a line, for finding and grouping stacks.",
            example="team=payments",
        ),
    )


def present_settings(stack: Stack) -> Mapping[str, str]:
    """Return what the fields hold now."""
    ends = stack.expires_at
    return {
        "/auto_apply": stack.auto_apply,
        "/deletion_protection": ON if stack.deletion_protection else "",
        "/drift": _present_rhythm(stack),
        "/drift/cron": stack.schedule.cron or "",
        "/expires_at": ends.astimezone(UTC).strftime(MOMENT) if ends else "",
        "/on_expiry": stack.on_expiry,
        "/labels": "\n".join(f"{name}={value}" for name, value in sorted(stack.labels.items())),
    }


def change_of(entry: Entry, stack_expires_at: datetime | None) -> StackChange:
    """Return what was typed as a request to the service.

    Args:
        entry: the form as it was sent.
        stack_expires_at: the present end; the same minute typed again changes nothing.

    Raises:
        ValidationError: a field cannot be read; each with its pointer.
    """
    problems: list[FieldProblem] = []
    labels = read_pairs(entry.text("/labels"), "/labels", problems)
    ends = _moment(entry.text("/expires_at"), stack_expires_at, problems)
    for pointer, known in (("/auto_apply", set(AutoApply)), ("/on_expiry", set(OnExpiry))):
        if entry.text(pointer) not in known:
            problems.append(FieldProblem(pointer, "Choose one of what is offered."))
    drift = _drift(entry, problems)
    if problems:
        raise ValidationError("Some fields cannot be read.", problems=tuple(problems))
    return StackChange(
        labels=labels,
        auto_apply=AutoApply(entry.text("/auto_apply")),
        drift=drift,
        expires_at=ends,
        clear_expiry=ends is None,
        on_expiry=OnExpiry(entry.text("/on_expiry")),
        deletion_protection=entry.is_on("/deletion_protection"),
    )


def _rhythms(stack: Stack) -> list[tuple[str, str]]:
    present = str(stack.schedule.interval_seconds)
    own = {} if present in PERIODS or _present_rhythm(stack) != present else {present: present}
    every = {**PERIODS, **{name: f"{seconds} seconds" for name, seconds in own.items()}}
    return [
        (FOLLOW, "As often as the project says"),
        *((name, f"Every {text}") for name, text in every.items()),
        (CRON, "By the cron line"),
        (NEVER, "Never"),
    ]


def _present_rhythm(stack: Stack) -> str:
    schedule = stack.schedule
    if not schedule.is_enabled:
        return NEVER
    if schedule.follows_project:
        return FOLLOW
    return CRON if schedule.cron else str(schedule.interval_seconds)


def _drift(entry: Entry, problems: list[FieldProblem]) -> DriftSettings:
    chosen = entry.text("/drift")
    if chosen not in {option.value for option in _options(entry)}:
        problems.append(FieldProblem("/drift", "Choose one of what is offered."))
        return DriftSettings()
    if chosen == NEVER:
        return DriftSettings(enabled=False)
    if chosen == FOLLOW:
        return DriftSettings(enabled=True, follow_project=True)
    if chosen == CRON:
        return DriftSettings(enabled=True, cron=entry.text("/drift/cron"))
    return DriftSettings(enabled=True, interval_seconds=int(chosen))


def _options(entry: Entry) -> tuple[Option, ...]:
    return next(item.options for item in entry.fields if item.pointer == "/drift")


def _moment(text: str, present: datetime | None, problems: list[FieldProblem]) -> datetime | None:
    if not text:
        return None
    if present is not None and text == present.astimezone(UTC).strftime(MOMENT):
        return present
    try:
        moment = datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
    except ValueError:
        problems.append(FieldProblem("/expires_at", "Write it as 2027-01-31 18:00 (UTC)."))
        return None
    if moment <= utc_now():
        problems.append(FieldProblem("/expires_at", "Give a time to come."))
    return moment
