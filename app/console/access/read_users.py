"""What the pages of users show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.models import Project, ProjectMember, User
from app.services.access import Principal
from app.services.context import Context
from app.services.identity.second_factors import has_second_factor
from app.services.identity.users import list_users, user_for
from app.services.paging import PageRequest


@dataclass(frozen=True)
class UserRow:
    """One person."""

    id: str
    name: str
    is_admin: bool
    status: str
    created_at: datetime
    last_sign_in_at: datetime | None
    version: int

    @classmethod
    def of(cls, user: User) -> UserRow:
        """Read a person."""
        return cls(
            id=user.id,
            name=user.name,
            is_admin=user.is_admin,
            status="disabled" if user.disabled_at else "active",
            created_at=user.created_at,
            last_sign_in_at=user.last_sign_in_at,
            version=user.version,
        )


@dataclass(frozen=True)
class UsersPage:
    """One page of everybody."""

    users: list[UserRow]
    next_cursor: str | None


@dataclass(frozen=True)
class UserPage:
    """One person and the roles of the person; ``roles`` is (project, role)."""

    user: UserRow
    roles: list[tuple[Project, str]]
    is_oneself: bool
    has_second_factor: bool


def read_users(ctx: Context, principal: Principal, page: PageRequest) -> UsersPage:
    """Read everybody, for an administrator."""
    with ctx.read() as session:
        found = list_users(session, principal, page)
        return UsersPage([UserRow.of(user) for user in found.items], found.next_cursor)


def read_user(ctx: Context, principal: Principal, user_id: str) -> UserPage:
    """Read one person, for an administrator."""
    with ctx.read() as session:
        user = user_for(session, principal, user_id)
        query = select(ProjectMember).where(ProjectMember.user_id == user.id)
        members = session.scalars(query).unique().all()
        roles = [(row.project, row.role) for row in members]
        roles.sort(key=lambda item: item[0].name)
        return UserPage(
            UserRow.of(user), roles, user.id == principal.id, has_second_factor(session, user.id)
        )
