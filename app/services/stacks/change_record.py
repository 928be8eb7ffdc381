"""What a change of a stack made of it, old and new, for the audit trail: never a secret value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from app import exact_json
from app.catalog.parameters import MASK
from app.models import Stack

MAX_VALUE = 500
"""Longer values, as JSON, are told by their length only."""

CUT = re.compile(r"\(\d+ characters\)")

Changes = dict[str, dict[str, Any]]


def settings_of(stack: Stack) -> dict[str, Any]:
    """Return the settings of a stack as the trail names them."""
    schedule = stack.schedule
    return {
        "labels": dict(stack.labels),
        "auto_apply": stack.auto_apply,
        "deletion_protection": stack.deletion_protection,
        "drift": {
            "enabled": schedule.is_enabled,
            "follow_project": schedule.follows_project,
            "interval_seconds": schedule.interval_seconds,
            "cron": schedule.cron,
        },
        "expires_at": stack.expires_at,
        "on_expiry": stack.on_expiry,
    }


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    """Return what differs, by name, each as ``{"from": …, "to": …}``; what is absent is null."""
    names = [*old, *(name for name in new if name not in old)]
    return {
        name: {"from": _short(old.get(name)), "to": _short(new.get(name))}
        for name in names
        if old.get(name) != new.get(name)
    }


def compare_parameters(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    secret: Collection[str],
    stack_names: Mapping[str, str],
) -> Changes:
    """Compare parameters, stacks by name.

    Args:
        old: all parameters before, also the secret ones.
        new: all parameters after.
        secret: names of parameters that hold a secret before or after; they are masked whole.
        stack_names: names of the stacks that parameters refer to, by id.
    """

    def shown(name: str, value: Any) -> Any:
        return MASK if name in secret and value is not None else _named(value, stack_names)

    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {
        f"parameters.{name}": {
            "from": _short(shown(name, old.get(name))),
            "to": _short(shown(name, new.get(name))),
        }
        for name in changed
    }


def names_of_targets(stack: Stack) -> dict[str, str]:
    """Return the names of the stacks that a stack refers to, by id."""
    return {link.target.id: link.target.name for link in stack.references}


def is_cut(value: Any) -> bool:
    """Tell whether a value of the trail is only the length of a longer one."""
    return isinstance(value, str) and CUT.fullmatch(value) is not None


def _short(value: Any) -> Any:
    if isinstance(value, str | list | dict):
        length = len(exact_json.dumps(value))
        return value if length <= MAX_VALUE else f"({length} characters)"
    return value


def _named(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
