"""The hours of the week in which the stacks of a project are checked for drift on schedule.

The windows are made as change windows are, but say nothing of changes: outside them scheduled
checks rest, and what people ask for is checked at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.change_windows import DAYS, MAX_WINDOWS, ChangeWindow, is_open, next_opening
from app.errors import FieldProblem, ValidationError
from app.models import Project

LOOKED_AGAIN_AFTER = timedelta(days=7)
"""When a project whose windows never open is looked at again."""


def is_open_at(project: Project, moment: datetime) -> bool:
    """Tell whether scheduled checks of the project may run at ``moment``."""
    return is_open(_windows(project), moment)


def first_open(project: Project, moment: datetime) -> datetime | None:
    """Return the first moment, not before ``moment``, at which scheduled checks may run.

    ``None`` says that there is none within a week.
    """
    windows = _windows(project)
    return moment if is_open(windows, moment) else next_opening(windows, moment)


def closed_projects(session: Session, now: datetime) -> Set[str]:
    """Return the ids of the projects of which no scheduled check may run now."""
    rows = session.scalars(select(Project).where(Project.deleted_at.is_(None)))
    return {row.id for row in rows if not is_open_at(row, now)}


def _windows(project: Project) -> list[ChangeWindow]:
    return [ChangeWindow.from_dict(item) for item in project.drift_windows]


def check_windows(
    windows: Collection[dict[str, Any]], pointer: str = "/windows"
) -> list[ChangeWindow]:
    """Return the windows, checked as far as their shapes do not say it.

    Args:
        windows: in their JSON form.
        pointer: where the request has them.

    Raises:
        ValidationError: too many, an unknown zone, or a window without any time; with pointers.
    """
    if len(windows) > MAX_WINDOWS:
        raise ValidationError.at(pointer, f"At most {MAX_WINDOWS} windows.")
    problems = []
    for index, item in enumerate(windows):
        place = f"{pointer}/{index}"
        if item["timezone"] not in available_timezones():
            message = f"{item['timezone']!r} is no time zone; write it as Europe/Berlin or UTC."
            problems.append(FieldProblem(f"{place}/timezone", message))
        if not item["days"]:
            problems.append(FieldProblem(f"{place}/days", f"Name one of {', '.join(DAYS)}."))
    if problems:
        raise ValidationError(problems[0].message, problems=tuple(problems))
    return [ChangeWindow.from_dict(item) for item in windows]
