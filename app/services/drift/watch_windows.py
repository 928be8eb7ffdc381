"""In which hours of the week the clock has the stacks of a project checked for drift.

The windows are made as change windows are, but say nothing of changes: outside them checks by the
clock rest, and what people ask for is checked at any time.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.change_windows import ChangeWindow, is_open, next_opening
from app.models import Project

LOOKED_AGAIN_AFTER = timedelta(days=7)
"""When a project whose windows never open is looked at again."""


def is_open_at(project: Project, moment: datetime) -> bool:
    """Tell whether the clock checks stacks of the project at ``moment``."""
    return is_open(_windows(project), moment)


def first_open(project: Project, moment: datetime) -> datetime | None:
    """Return the first moment, not before ``moment``, at which the clock checks stacks.

    ``None`` says that there is none within a week.
    """
    windows = _windows(project)
    return moment if is_open(windows, moment) else next_opening(windows, moment)


def closed_projects(session: Session, now: datetime) -> Set[str]:
    """Return the ids of the projects of which the clock checks nothing now."""
    rows = session.scalars(select(Project).where(Project.deleted_at.is_(None)))
    return {row.id for row in rows if not is_open_at(row, now)}


def _windows(project: Project) -> list[ChangeWindow]:
    return [ChangeWindow.from_dict(item) for item in project.drift_windows]
