"""The form of a stack's settings: its fields, what they hold now, what was typed as a change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from app.console.shell.forms.entry import FormEntry, choice
from app.console.shell.forms.fields import Field, Option
from app.console.shell.forms.values import ON, read_pairs
from app.console.shell.labels.stacks import AUTO_APPLY, CHECK_PERIOD
from app.domain.operations import AutoApply
from app.domain.stacks import OnExpiry
from app.errors import FieldProblem, ValidationError
from app.models import Stack
from app.services.labels import patch_to
from app.services.schedules.settings import DriftSettings
from app.services.stacks.change import StackChange

FOLLOW, CRON, NEVER = "follow", "cron", "never"
MOMENT = "%Y-%m-%d %H:%M"
ON_EXPIRY = {
    OnExpiry.DESTROY: "Destroy automatically",
    OnExpiry.ASK: "Plan destroy and request approval",
}


AUTO_APPLY_FIELD = choice(
    "/auto_apply",
    "Auto-apply",
    AUTO_APPLY.items(),
    help_="When plans of this stack are applied without approval.",
)
PROTECTION_FIELD = Field(
    "/deletion_protection",
    "checkbox",
    "Deletion protection",
    help="The stack cannot be destroyed while this is on.",
)
LABELS_FIELD = Field(
    "/labels", "pairs", "Labels", help="One name=value per line.", example="team=payments"
)


def settings_fields(stack: Stack) -> tuple[Field, ...]:
    """Return the fields of the form for a stack."""
    return (
        AUTO_APPLY_FIELD,
        PROTECTION_FIELD,
        choice("/drift", "Drift checks", _rhythms(stack)),
        Field(
            "/drift/cron",
            "text",
            "Cron expression",
            help="Five fields, in UTC. Used with the option Cron expression.",
            example="30 4 * * 1-5",
        ),
        Field(
            "/expires_at",
            "text",
            "Expires",
            help="YYYY-MM-DD HH:MM in UTC. Leave empty for a stack that does not expire.",
            example="2027-01-31 18:00",
        ),
        choice("/on_expiry", "On expiry", ON_EXPIRY.items()),
        LABELS_FIELD,
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


def change_of(
    entry: FormEntry, stack_expires_at: datetime | None, stack_labels: Mapping[str, str]
) -> StackChange:
    """Return what was typed as a request to the service.

    Args:
        entry: the form as it was sent.
        stack_expires_at: the present end; the same minute typed again changes nothing.
        stack_labels: the present labels, which those that were typed replace.

    Raises:
        ValidationError: a field cannot be read; each with its pointer.
    """
    problems: list[FieldProblem] = []
    labels = read_pairs(entry.text("/labels"), "/labels", problems)
    ends = _moment(entry.text("/expires_at"), stack_expires_at, problems)
    for pointer, known in (("/auto_apply", set(AutoApply)), ("/on_expiry", set(OnExpiry))):
        if entry.text(pointer) not in known:
            problems.append(FieldProblem(pointer, "Choose one of the listed options."))
    drift = _drift(entry, problems)
    if problems:
        raise ValidationError("Some fields are invalid.", problems=tuple(problems))
    return StackChange(
        labels=patch_to(stack_labels, labels),
        auto_apply=AutoApply(entry.text("/auto_apply")),
        drift=drift,
        expires_at=ends,
        clear_expiry=ends is None,
        on_expiry=OnExpiry(entry.text("/on_expiry")),
        deletion_protection=entry.is_on("/deletion_protection"),
    )


def _rhythms(stack: Stack) -> list[tuple[str, str]]:
    present = str(stack.schedule.interval_seconds)
    is_own = present not in CHECK_PERIOD and _present_rhythm(stack) == present
    every = {**CHECK_PERIOD, **({present: f"Every {present} seconds"} if is_own else {})}
    return [
        (FOLLOW, "Project default"),
        *every.items(),
        (CRON, "Cron expression"),
        (NEVER, "Never"),
    ]


def _present_rhythm(stack: Stack) -> str:
    schedule = stack.schedule
    if not schedule.is_enabled:
        return NEVER
    if schedule.follows_project:
        return FOLLOW
    return CRON if schedule.cron else str(schedule.interval_seconds)


def _drift(entry: FormEntry, problems: list[FieldProblem]) -> DriftSettings:
    chosen = entry.text("/drift")
    if chosen not in {option.value for option in _options(entry)}:
        problems.append(FieldProblem("/drift", "Choose one of the listed options."))
        return DriftSettings()
    if chosen == NEVER:
        return DriftSettings(enabled=False)
    if chosen == FOLLOW:
        return DriftSettings(enabled=True, follow_project=True)
    if chosen == CRON:
        return DriftSettings(enabled=True, cron=entry.text("/drift/cron"))
    return DriftSettings(enabled=True, interval_seconds=int(chosen))


def _options(entry: FormEntry) -> tuple[Option, ...]:
    return next(item.options for item in entry.fields if item.pointer == "/drift")


def _moment(text: str, present: datetime | None, problems: list[FieldProblem]) -> datetime | None:
    if not text:
        return None
    if present is not None and text == present.astimezone(UTC).strftime(MOMENT):
        return present
    try:
        return datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
    except ValueError:
        problems.append(FieldProblem("/expires_at", "Use the format 2027-01-31 18:00 (UTC)."))
        return None
