"""Change windows and maintenance: when what is planned may be applied.

Owns the rules of each project and of the whole service, and the question whether a project is
closed now. Plans, drift checks and reads go on while it is closed; only applies wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.change_windows import (
    ChangeWindow,
    is_open,
    next_opening,
)
from app.domain.operations import OperationStatus
from app.domain.permissions import Right, ServiceRight
from app.errors import ValidationError
from app.models import ChangeControl, Operation, Project, Stack
from app.models.change_control import SERVICE
from app.services import audit
from app.services.access import Principal, require_service
from app.services.lookup import expect_version, project_named
from app.services.schedules.windows import check_windows
from app.services.work import Work


@dataclass(frozen=True)
class Closure:
    """Why nothing is applied now; ``until`` is when that ends, if it is known."""

    reason: str
    detail: str
    until: datetime | None

    def to_wait(self) -> dict[str, Any]:
        """Return what an operation shows that waits for it."""
        return {"reason": self.reason, "detail": self.detail, "until": rfc3339(self.until)}


@dataclass(frozen=True)
class Closures:
    """What is closed at one moment: everything, or some projects."""

    service: Closure | None
    projects: Mapping[str, Closure]

    def of(self, project_id: str) -> Closure | None:
        """Return why nothing is applied in the project now."""
        return self.service or self.projects.get(project_id)

    def hold_back(self) -> ColumnElement[bool]:
        """Return the SQL condition that an operation (joined with its stack) must wait."""
        closed: ColumnElement[bool] = true()
        if self.service is None:
            names = sorted(self.projects)
            closed = Stack.project_id.in_(names) if names else false()
        is_planned = Operation.status == OperationStatus.PLANNED
        return is_planned & closed & Operation.overrides_windows.is_(False)


@dataclass(frozen=True)
class Maintenance:
    """A time in which nothing is applied, and why; without ``until`` until it is lifted."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class ControlChange:
    """The fields to change; ``None`` keeps the present value."""

    windows: list[dict[str, Any]] | None = None
    maintenance: Maintenance | None = None
    ends_maintenance: bool = False


def closures(session: Session) -> Closures:
    """Return what is closed now."""
    now = utc_now()
    found = {}
    for row in session.scalars(select(ChangeControl)):
        closure = closure_of(row, now)
        if closure is not None:
            found[row.scope] = closure
    return Closures(found.pop(SERVICE, None), found)


def must_wait(session: Session, operation: Operation) -> Closure | None:
    """Return what keeps the plan of an operation from being applied now."""
    if operation.overrides_windows:
        return None
    return closures(session).of(operation.stack.project_id)


def closure_of(row: ChangeControl, now: datetime) -> Closure | None:
    """Return why the scope of ``row`` is closed at ``now``, or ``None`` when it is open."""
    where = "Landform" if row.scope == SERVICE else "The project"
    until = row.maintenance_until
    if row.maintenance_since is not None and (until is None or now < until):
        detail = f"{where} is in maintenance: {row.maintenance_reason}"
        return Closure("maintenance", detail, until)
    windows = windows_of(row)
    if is_open(windows, now):
        return None
    opens_at = next_opening(windows, now)
    when = f"until {rfc3339(opens_at)}" if opens_at else "for more than a week"
    return Closure("window", f"{where} has no open change window {when}.", opens_at)


def windows_of(row: ChangeControl) -> list[ChangeWindow]:
    """Return the windows of a scope."""
    return [ChangeWindow.from_dict(item) for item in row.windows]


def read_control(session: Session, principal: Principal, project: str | None) -> ChangeControl:
    """Return the rules of a project (by id or name), or of the service without one.

    Raises:
        NotFoundError: there is no such project, or the caller cannot see it.
    """
    return _row(session, _project(session, principal, project, Right.PROJECT_READ))


def change_control(
    work: Work,
    project: str | None,
    change: ControlChange,
    expected_version: int | None = None,
) -> ChangeControl:
    """Set windows or maintenance of a project, or of the service without one.

    Raises:
        NotFoundError, PermissionDeniedError: who asks may not see the project, or not change it.
        PreconditionFailedError: it was changed since ``expected_version``.
        ValidationError: a window is not acceptable; with its pointer.
    """
    if project is None:
        require_service(work.principal, ServiceRight.MAINTENANCE_MANAGE)
    found = _project(work.session, work.principal, project, Right.PROJECT_WRITE)
    row = _row(work.session, found, is_locked=True)
    expect_version("Change control", row.version, expected_version)
    if change.windows is not None:
        row.windows = [item.to_dict() for item in check_windows(change.windows)]
    if change.ends_maintenance:
        row.maintenance_since = row.maintenance_until = row.maintenance_reason = None
    if change.maintenance is not None:
        _begin_maintenance(row, change.maintenance)
    row.version += 1
    row.updated_at, row.updated_by = utc_now(), work.principal.name
    work.session.add(row)
    audit.record(
        work,
        "change_control.change",
        "change_control",
        row.scope,
        project_id=row.project_id,
        windows=row.windows,
        maintenance=row.maintenance_reason,
    )
    return row


def _begin_maintenance(row: ChangeControl, wanted: Maintenance) -> None:
    now = utc_now()
    if wanted.until is not None and wanted.until <= now:
        raise ValidationError.at("/maintenance/until", "This time is over already.")
    row.maintenance_since = row.maintenance_since or now
    row.maintenance_until, row.maintenance_reason = wanted.until, wanted.reason


def _project(
    session: Session, principal: Principal, reference: str | None, right: Right
) -> Project | None:
    return None if reference is None else project_named(session, principal, reference, right)


def _begin(session: Session) -> datetime:
    """Return since when nobody has set rules for the service: since there are projects."""
    return session.scalar(select(func.min(Project.created_at))) or utc_now()


def _row(session: Session, project: Project | None, *, is_locked: bool = False) -> ChangeControl:
    scope = project.id if project else SERVICE
    row = session.get(ChangeControl, scope, with_for_update=is_locked or None)
    return row or ChangeControl(
        scope=scope,
        project_id=project.id if project else None,
        windows=[],
        updated_at=project.created_at if project else _begin(session),
        updated_by="",
        version=0,
    )
