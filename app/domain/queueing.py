"""Who goes first when there is more to do than workers. Pure rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from app.domain.operation_registry import facts_of

SYSTEM = "system"
AT_RANDOM = 8
"""From so many scheduled checks the next one is picked: their order is nobody's concern."""


class Priority(IntEnum):
    """Classes of work; a lower number goes first."""

    CHANGE = 0
    LOOK = 1
    SCHEDULED = 2


@dataclass(frozen=True)
class Waiting:
    """An operation that could start if there is room."""

    id: str
    project_id: str
    type: str
    requested_by: str

    @property
    def priority(self) -> Priority:
        """What people change goes before what they look at, and that before scheduled checks."""
        facts = facts_of(self.type)
        if self.requested_by == SYSTEM and facts.checks_drift:
            return Priority.SCHEDULED
        return Priority.CHANGE if facts.may_mutate else Priority.LOOK


@dataclass(frozen=True)
class Limits:
    """How much may run at once."""

    per_project: int
    drift_checks: int


@dataclass(frozen=True)
class Load:
    """What runs now: operations by project, and how many scheduled drift checks."""

    by_project: Mapping[str, int] = field(default_factory=dict)
    scheduled: int = 0

    def full_projects(self, limits: Limits) -> Collection[str]:
        """Return the projects that may start nothing more."""
        return [name for name, count in self.by_project.items() if count >= limits.per_project]

    def has_room(self, item: Waiting, limits: Limits) -> bool:
        """Tell whether ``item`` may start beside what runs."""
        if self.by_project.get(item.project_id, 0) >= limits.per_project:
            return False
        return item.priority is not Priority.SCHEDULED or self.scheduled < limits.drift_checks


def in_order(waiting: Sequence[Waiting], load: Load, limits: Limits) -> list[Waiting]:
    """Return what may start: by priority, then for the project that runs least, then by age."""
    return sorted(
        (item for item in waiting if load.has_room(item, limits)),
        key=lambda item: (item.priority, load.by_project.get(item.project_id, 0), item.id),
    )


def choose(waiting: Sequence[Waiting], load: Load, limits: Limits) -> Waiting | None:
    """Return what starts next."""
    return next(iter(in_order(waiting, load, limits)), None)


def choose_check(
    waiting: Sequence[Waiting],
    load: Load,
    limits: Limits,
    pick: Callable[[Sequence[Waiting]], Waiting],
) -> Waiting | None:
    """Return one of the first scheduled checks; ``pick`` takes it from them.

    Whoever has made a check asks for the next one at once. If all took the first, most would find
    it taken.
    """
    first = in_order(waiting, load, limits)[:AT_RANDOM]
    return pick(first) if first else None
