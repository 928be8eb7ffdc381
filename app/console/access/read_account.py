"""What a person's own pages show: sessions, roles, API tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.console.shell.labels.access import SCOPE
from app.domain.permissions import Right, ServiceRight
from app.models import ApiToken, Project, UserSession
from app.services.access import Principal
from app.services.context import Context
from app.services.identity.api_tokens import list_tokens, status_of
from app.services.identity.second_factors import has_second_factor
from app.services.identity.sessions import list_sessions
from app.services.paging import PageRequest
from app.services.projects.projects import list_projects

BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "a Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MOST_PROJECTS = 200


@dataclass(frozen=True)
class SessionRow:
    """One sign-in that is still good."""

    id: str
    device: str
    user_agent: str
    created_at: datetime
    renewed_at: datetime
    expires_at: datetime
    is_current: bool


@dataclass(frozen=True)
class AccountPage:
    """Who one is here, and from where one is signed in; ``roles`` is (project, role)."""

    roles: list[tuple[Project, str]]
    sessions: list[SessionRow]
    next_cursor: str | None
    has_second_factor: bool


@dataclass(frozen=True)
class TokenRow:
    """One API token without its secret."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    project: str | None
    status: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> TokenRow:
        """Read a token."""
        return cls(
            id=token.id,
            name=token.name,
            hint=token.hint,
            scopes=list(token.scopes),
            project=token.project.name if token.project else None,
            status=status_of(token).value,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
        )


@dataclass(frozen=True)
class TokensPage:
    """One page of one's own tokens."""

    tokens: list[TokenRow]
    next_cursor: str | None


def read_account(ctx: Context, principal: Principal, page: PageRequest) -> AccountPage:
    """Read who the caller is and the caller's sessions."""
    with ctx.read() as session:
        found = list_sessions(session, principal, page)
        rows = [_session_row(row, principal) for row in found.items]
        has_factor = has_second_factor(session, principal.id)
        return AccountPage(_roles(session, principal), rows, found.next_cursor, has_factor)


def read_tokens(ctx: Context, principal: Principal, page: PageRequest) -> TokensPage:
    """Read the caller's tokens."""
    with ctx.read() as session:
        found = list_tokens(session, principal, None, page)
        return TokensPage([TokenRow.of(token) for token in found.items], found.next_cursor)


def scopes_within(principal: Principal) -> list[str]:
    """Return the scopes that the caller could give a token, in the order of their words."""
    return [scope for scope in SCOPE if _has(principal, scope)]


def project_choices(ctx: Context, principal: Principal) -> list[tuple[str, str]]:
    """Return the projects that a form offers, as (name, title)."""
    with ctx.read() as session:
        found = list_projects(session, principal, PageRequest(limit=MOST_PROJECTS)).items
    return [(row.name, row.title or row.name) for row in found]


def device_of(user_agent: str) -> str:
    """Say in a few words what a session was opened with, as far as the browser told it."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in SYSTEMS if mark in user_agent), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else "An unknown device")


def _session_row(row: UserSession, principal: Principal) -> SessionRow:
    return SessionRow(
        id=row.id,
        device=device_of(row.user_agent),
        user_agent=row.user_agent,
        created_at=row.created_at,
        renewed_at=row.last_used_at,
        expires_at=row.expires_at,
        is_current=row.id == principal.session_id,
    )


def _roles(session: Session, principal: Principal) -> list[tuple[Project, str]]:
    query = select(Project).where(
        Project.id.in_(list(principal.roles)), Project.deleted_at.is_(None)
    )
    rows = session.scalars(query.order_by(Project.name)).all()
    return [(row, principal.roles[row.id].value) for row in rows]


def _has(principal: Principal, scope: str) -> bool:
    if scope in set(ServiceRight):
        return principal.may(ServiceRight(scope))
    return principal.has_anywhere(Right(scope))
