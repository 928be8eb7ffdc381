"""What the page of maintenance and change windows shows, of one project or of the service."""

from __future__ import annotations

from dataclasses import dataclass

from app.clock import utc_now
from app.domain.permissions import Right, ServiceRight
from app.models import ChangeControl
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import project_named
from app.services.projects.change_control import Closure, closure_of, read_control


@dataclass(frozen=True)
class ControlPage:
    """The rules of one scope; ``project_id`` is nothing for those of the whole service."""

    project_id: str | None
    title: str
    closure: Closure | None
    control: ChangeControl
    may_change: bool

    @property
    def status(self) -> str:
        """Whether changes are applied now."""
        return self.closure.reason if self.closure else "open"


def read_control_page(ctx: Context, principal: Principal, project: str | None) -> ControlPage:
    """Read the rules of a project, or of the service without one."""
    with ctx.read() as session:
        row = read_control(session, principal, project)
        if project is None:
            return _page(
                row, None, "this installation", principal.may(ServiceRight.MAINTENANCE_MANAGE)
            )
        found = project_named(session, principal, project, Right.PROJECT_READ)
        may_change = principal.has(Right.PROJECT_WRITE, found.id)
        return _page(row, found.id, found.title or found.name, may_change)


def _page(row: ChangeControl, project_id: str | None, title: str, may_change: bool) -> ControlPage:
    return ControlPage(
        project_id=project_id,
        title=title,
        closure=closure_of(row, utc_now()),
        control=row,
        may_change=may_change,
    )
