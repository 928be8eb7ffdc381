"""Let a person in who knows the name and the password, or say no in a way that teaches nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.names import is_storable
from app.errors import AuthenticationError, TooManyRequestsError, ValidationError
from app.models import User
from app.services import audit
from app.services.access import Principal, require_session
from app.services.context import Context
from app.services.passwords import hash_password, is_outdated, verify_password
from app.services.refusals import record_refusal
from app.services.sessions import OpenedSession, end_sessions, open_session
from app.services.sign_in_throttle import Attempt, begin_attempt, forgive_attempt, withdraw_attempt
from app.services.users import hash_new_password

WRONG = "The user name or the password is wrong."


@dataclass(frozen=True)
class Visitor:
    """Where a sign-in comes from."""

    address: str | None = None
    user_agent: str = ""
    request_id: str | None = None


def sign_in(ctx: Context, username: str, password: str, visitor: Visitor) -> OpenedSession:
    """Check the password and open a session.

    Raises:
        AuthenticationError: name or password wrong, or the user is disabled; never says which.
        TooManyRequestsError: too many failures from this address, or too many hashes at once.
    """
    username = username if is_storable(username) else ""  # nobody's name, on every database
    attempt = Attempt(visitor.address, username)
    begin_attempt(ctx, attempt)
    with ctx.read() as session:
        user = session.scalar(select(User).where(User.name == username))
    is_right = _verify(ctx, attempt, password, user.password_hash if user else None)
    if user is None or not is_right or user.disabled_at is not None:
        _record_failure(ctx, username, visitor)
        raise AuthenticationError(WRONG, advice="Check both and try again.")
    newer_hash = hash_password(password) if is_outdated(user.password_hash) else None
    with ctx.write() as session:
        forgive_attempt(session, attempt)
        row = _unchanged(session, user)
        if newer_hash is not None:
            row.password_hash = newer_hash
        return open_session(
            ctx,
            session,
            row,
            address=visitor.address,
            user_agent=visitor.user_agent,
            request_id=visitor.request_id,
        )


def change_own_password(ctx: Context, principal: Principal, current: str, wanted: str) -> None:
    """Check the present password, set the new one and end all other sessions.

    A wrong present password slows the next attempts down as a failed sign-in does.

    Raises:
        PermissionDeniedError: the caller came with an API token.
        ValidationError: the present password is wrong, or the new one not acceptable.
        TooManyRequestsError: as ``sign_in``.
    """
    require_session(principal)
    attempt = Attempt(principal.address, principal.name)
    begin_attempt(ctx, attempt)
    with ctx.read() as session:
        user = session.get_one(User, principal.id)
    if not _verify(ctx, attempt, current, user.password_hash):
        record_refusal(ctx, principal, "user.change_password_refused", "user", principal.id)
        raise ValidationError.at("/current_password", "Is not your password.")
    with ctx.write() as session:
        forgive_attempt(session, attempt)
    new_hash = hash_new_password(wanted, principal.name, "/new_password")
    with ctx.write() as session:
        row = _unchanged(session, user)
        row.password_hash = new_hash
        row.version += 1
        count = end_sessions(session, row.id, "password changed", keep=principal.session_id)
        audit.record(
            session, principal, "user.change_password", "user", row.id, ended_sessions=count
        )


def _verify(ctx: Context, attempt: Attempt, password: str, password_hash: str | None) -> bool:
    try:
        return verify_password(password, password_hash)
    except TooManyRequestsError:  # the machine is busy, which is nobody's failure
        with ctx.write() as session:
            withdraw_attempt(session, attempt)
        raise


def _unchanged(session: Session, user: User) -> User:
    """Return the user locked, as the password was checked against it.

    Raises:
        AuthenticationError: meanwhile the password was changed or the user disabled.
    """
    row = session.get_one(User, user.id, with_for_update=True)
    if row.password_hash != user.password_hash or row.disabled_at is not None:
        raise AuthenticationError(WRONG, advice="Sign in again.")
    return row


def _record_failure(ctx: Context, username: str, visitor: Visitor) -> None:
    nobody = Principal(
        id="", name=username[:64], address=visitor.address, request_id=visitor.request_id
    )
    record_refusal(ctx, nobody, "session.refused", "user", username[:64])
