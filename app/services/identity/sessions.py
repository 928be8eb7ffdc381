"""Sessions: open one, rotate its refresh token, end it.

A session is a family of refresh tokens of which only the newest is good. Using an older one means
that someone has a copy, so the whole family ends (RFC 9700 §4.14.2). Kept in SQL, so that a flush
of Redis revives nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.permissions import Role
from app.errors import AuthenticationError, TokenReuseError
from app.models import ProjectMember, User, UserSecondFactor, UserSession
from app.services import audit
from app.services.access import Principal, load_principal, require_own, require_session
from app.services.context import Context
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work, perform

ENDED = "The session has ended."


@dataclass(frozen=True)
class OpenedSession:
    """What the tokens of a session are made from."""

    session_id: str
    refresh_jti: str
    principal: Principal
    expires_at: datetime


def open_session(
    ctx: Context,
    session: Session,
    user: User,
    *,
    address: str | None,
    user_agent: str,
    request_id: str | None,
) -> OpenedSession:
    """Open a session for a user who has proved to be the one.

    Args:
        ctx: says how long a session lasts.
        session: the open transaction.
        user: who signs in, loaded in it.
        address: where from.
        user_agent: with what, for the person's own list of sessions.
        request_id: for the audit trail.
    """
    now = utc_now()
    row = UserSession(
        id=ids.new_id(ids.SESSION),
        user=user,
        refresh_jti=secrets.token_urlsafe(24),
        created_at=now,
        last_used_at=now,
        expires_at=now + timedelta(seconds=ctx.settings.refresh_token_seconds),
        user_agent=user_agent[:200],
    )
    user.last_sign_in_at = now
    session.add(row)
    session.flush()
    principal = replace(_principal(ctx, session, row, request_id), address=address)
    audit.record_as(session, principal, "session.start", "session", row.id)
    return OpenedSession(row.id, row.refresh_jti, principal, row.expires_at)


def rotate(ctx: Context, session_id: str, refresh_jti: str) -> OpenedSession:
    """Exchange the family's present refresh token for the next one.

    Raises:
        TokenReuseError: the token was used before; the session is ended.
        AuthenticationError: the session has ended or expired.
    """
    with ctx.write() as session:
        row = _alive(session, session_id, is_locked=True)
        principal = _principal(ctx, session, row)
        if secrets.compare_digest(row.refresh_jti, refresh_jti):
            row.refresh_jti = secrets.token_urlsafe(24)
            row.last_used_at = utc_now()
            return OpenedSession(row.id, row.refresh_jti, principal, row.expires_at)
        row.revoked_at, row.revoked_because = utc_now(), "refresh token reused"
        audit.record_as(session, principal, "session.reuse_detected", "session", row.id)
    raise TokenReuseError("This refresh token was used before, so its session was ended.")


def keep_alive(ctx: Context, session_id: str) -> OpenedSession:
    """Note that a session is in use, and return it for the next token of its cookie.

    Raises:
        AuthenticationError: the session has ended or expired, or the user is disabled.
    """
    with ctx.write() as session:
        row = _alive(session, session_id, is_locked=True)
        row.last_used_at = utc_now()
        return OpenedSession(row.id, row.refresh_jti, _principal(ctx, session, row), row.expires_at)


def sign_out(ctx: Context, principal: Principal) -> None:
    """End the caller's session; its tokens stop working at once.

    Raises:
        PermissionDeniedError: the caller came with an API token.
    """
    require_session(principal)
    with perform(ctx, principal) as work:
        row = work.session.get(UserSession, principal.session_id)
        if row is not None and row.revoked_at is None:
            row.revoked_at, row.revoked_because = utc_now(), "signed out"
            audit.record(work, "session.end", "session", row.id)


def list_sessions(session: Session, principal: Principal, page: PageRequest) -> Page[UserSession]:
    """Return the caller's sessions that are alive, newest first.

    Raises:
        PermissionDeniedError: the caller came with an API token.
    """
    require_session(principal)
    query = select(UserSession).where(
        UserSession.user_id == principal.id,
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > utc_now(),
    )
    return fetch_page(session, query, UserSession.id, page, newest_first=True)


def end_session(work: Work, session_id: str) -> None:
    """End one of the caller's sessions.

    Raises:
        PermissionDeniedError: the caller came with an API token.
        NotFoundError: the caller has no such session that is alive.
    """
    require_session(work.principal)
    found = work.session.get(UserSession, session_id, with_for_update={"of": UserSession})
    row = require_own(work.principal, found, f"session {session_id!r}")
    row.revoked_at, row.revoked_because = utc_now(), "ended by its user"
    audit.record(work, "session.end", "session", row.id)


def end_all_sessions(work: Work) -> None:
    """End every session of the caller, this one included.

    Raises:
        PermissionDeniedError: the caller came with an API token.
    """
    require_session(work.principal)
    count = end_sessions(work.session, work.principal.id, "signed out everywhere")
    audit.record(work, "session.end_all", "user", work.principal.id, count=count)


def end_sessions(session: Session, user_id: str, because: str, keep: str | None = None) -> int:
    """End the sessions of a user, but for ``keep``, and return how many; audited by the caller."""
    query = select(UserSession).where(
        UserSession.user_id == user_id,
        UserSession.revoked_at.is_(None),
        UserSession.id != (keep or ""),
    )
    rows = session.scalars(query.with_for_update(of=UserSession)).all()
    for row in rows:
        row.revoked_at, row.revoked_because = utc_now(), because
    return len(rows)


def principal_of(ctx: Context, session_id: str, request_id: str | None) -> Principal:
    """Return who a session belongs to, with the roles of this moment.

    Raises:
        AuthenticationError: the session has ended or expired, or the user is disabled.
    """
    with ctx.read() as session:
        rows = session.execute(_of_session(), {"session_id": session_id}).all()
        if not rows:
            raise AuthenticationError(ENDED)
        row = rows[0]
        _refuse_ended(row, row.disabled_at)
        return Principal(
            id=row.user_id,
            name=row.name,
            is_admin=row.is_admin,
            roles={item.project_id: Role(item.role) for item in rows if item.role is not None},
            session_id=session_id,
            request_id=request_id,
            expires_at=row.expires_at,
            confirmed_until=_confirmed_until(ctx, row.confirmed_at),
            needs_factor=_needs_factor(ctx, session, row, row.user_id),
        )


@cache  # every request asks this
def _of_session() -> Select[Any]:
    """Return what asks for a session, its user and the user's roles at once: a row for a role."""
    return (
        select(
            UserSession.user_id,
            UserSession.revoked_at,
            UserSession.expires_at,
            UserSession.confirmed_at,
            User.name,
            User.is_admin,
            User.disabled_at,
            User.password_hash,
            ProjectMember.project_id,
            ProjectMember.role,
        )
        .join(User, User.id == UserSession.user_id)
        .outerjoin(ProjectMember, ProjectMember.user_id == User.id)
        .where(UserSession.id == bindparam("session_id"))
    )


def _alive(session: Session, session_id: str, *, is_locked: bool = False) -> UserSession:
    lock = {"of": UserSession} if is_locked else None
    row = session.get(UserSession, session_id, with_for_update=lock)
    if row is None:
        raise AuthenticationError(ENDED)
    _refuse_ended(row, row.user.disabled_at)
    return row


def _refuse_ended(row: UserSession | Row[Any], disabled_at: datetime | None) -> None:
    if row.revoked_at is not None or row.expires_at <= utc_now():
        raise AuthenticationError(ENDED)
    if disabled_at is not None:
        raise AuthenticationError("The user is disabled.")


def _principal(
    ctx: Context, session: Session, row: UserSession, request_id: str | None = None
) -> Principal:
    return load_principal(
        session,
        row.user,
        session_id=row.id,
        request_id=request_id,
        expires_at=row.expires_at,
        confirmed_until=_confirmed_until(ctx, row.confirmed_at),
        needs_factor=_needs_factor(ctx, session, row.user, row.user_id),
    )


def _confirmed_until(ctx: Context, confirmed_at: datetime | None) -> datetime | None:
    return confirmed_at and confirmed_at + timedelta(seconds=ctx.settings.confirmation_seconds)


def _needs_factor(ctx: Context, session: Session, user: User | Row[Any], user_id: str) -> bool:
    """Tell whether the person must set up a second factor before anything else."""
    rule = ctx.settings.require_second_factor
    is_meant = rule == "all" or (rule == "admins" and user.is_admin)
    if not (is_meant and user.password_hash):  # who signs in elsewhere is asked there
        return False
    factor = session.get(UserSecondFactor, user_id)
    return factor is None or factor.activated_at is None
