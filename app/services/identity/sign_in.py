"""Let a person in who knows the name and the password, or say no in a way that teaches nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from app.domain.names import is_storable
from app.domain.refusal_budget import RefusalKind
from app.domain.sign_in_errors import TotpRequiredError
from app.errors import AuthenticationError, ValidationError
from app.models import User
from app.services import audit
from app.services.access import Principal, require_session
from app.services.context import Context
from app.services.identity.challenges import LIFE as CHALLENGE_LIFE
from app.services.identity.challenges import make_challenge, open_challenge
from app.services.identity.password_check import WRONG, is_password_right, lock_unchanged
from app.services.identity.password_hashing import hash_password, is_outdated
from app.services.identity.second_factors import has_second_factor, take_code
from app.services.identity.sessions import OpenedSession, end_sessions, open_session
from app.services.identity.throttle import Attempt, begin_attempt, forgive_attempt, withdraw_attempt
from app.services.identity.users import hash_new_password
from app.services.refusals import record_refusal
from app.services.work import perform

WRONG_CODE = "The code is wrong, too old, or was used before."


@dataclass(frozen=True)
class Visitor:
    """Where a sign-in comes from."""

    address: str | None = None
    user_agent: str = ""
    request_id: str | None = None


def sign_in(
    ctx: Context, username: str, password: str, visitor: Visitor, code: str | None = None
) -> OpenedSession:
    """Check the password, and the code of the second factor where there is one; open a session.

    Raises:
        AuthenticationError: name, password or code wrong, or the user is disabled; of name and
            password never says which.
        TotpRequiredError: name and password are right, and a code is needed.
        TooManyRequestsError: too many failures from this address, or too many hashes at once.
    """
    username = username if is_storable(username) else ""  # nobody's name, on every database
    attempt = Attempt(visitor.address, username)
    begin_attempt(ctx, attempt)
    with ctx.read() as session:
        user = session.scalar(select(User).where(User.name == username))
    is_right = is_password_right(ctx, attempt, password, user.password_hash if user else None)
    if user is None or not is_right or user.disabled_at is not None:
        _record_failure(ctx, username, visitor, "name or password")
        raise AuthenticationError(WRONG, advice="Check both and try again.")
    _check_factor(ctx, user, code, attempt, visitor)
    newer_hash = hash_password(password) if is_outdated(user.password_hash) else None
    return _open(ctx, user, attempt, visitor, newer_hash)


def answer_challenge(ctx: Context, challenge: str, code: str, visitor: Visitor) -> OpenedSession:
    """Open a session for whoever was told that a code is needed, and has it.

    Raises:
        AuthenticationError: the challenge is no good any more, or the code is wrong.
        TooManyRequestsError: too many failures from this address or for this account.
    """
    with ctx.read() as session:
        user = open_challenge(ctx, session, challenge)
    attempt = Attempt(visitor.address, user.name)
    begin_attempt(ctx, attempt)
    _check_factor(ctx, user, code, attempt, visitor)
    return _open(ctx, user, attempt, visitor, None)


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
    if not is_password_right(ctx, attempt, current, user.password_hash):
        record_refusal(
            ctx,
            RefusalKind.SIGN_IN,
            principal,
            "user.change_password_refused",
            "user",
            principal.id,
        )
        raise ValidationError.at("/current_password", "Is not your password.")
    with ctx.write() as session:
        forgive_attempt(session, attempt)
    new_hash = hash_new_password(wanted, principal.name, "/new_password")
    with perform(ctx, principal) as work:
        row = lock_unchanged(work.session, user)
        row.password_hash = new_hash
        row.version += 1
        count = end_sessions(work.session, row.id, "password changed", keep=principal.session_id)
        audit.record(work, "user.change_password", "user", row.id, ended_sessions=count)


def _check_factor(
    ctx: Context, user: User, code: str | None, attempt: Attempt, visitor: Visitor
) -> None:
    """Check the code of a person whose password was right; nothing to do without a factor."""
    with ctx.read() as session:
        if not has_second_factor(session, user.id):
            return
    if not code:
        with ctx.write() as session:
            withdraw_attempt(session, attempt)  # the password was right, and nothing was guessed
        context = {
            "challenge": make_challenge(ctx, user),
            "expires_in": int(CHALLENGE_LIFE.total_seconds()),
        }
        raise TotpRequiredError("Give the code of your authenticator app, too.", context=context)
    if not take_code(ctx, user.id, code):
        _record_failure(ctx, user.name, visitor, "code")
        raise AuthenticationError(WRONG_CODE, advice="Wait for the next code and try again.")


def _open(
    ctx: Context, user: User, attempt: Attempt, visitor: Visitor, newer_hash: str | None
) -> OpenedSession:
    with ctx.write() as session:
        forgive_attempt(session, attempt)
        row = lock_unchanged(session, user)
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


def _record_failure(ctx: Context, username: str, visitor: Visitor, wrong: str) -> None:
    nobody = Principal(
        id="", name=username[:64], address=visitor.address, request_id=visitor.request_id
    )
    record_refusal(
        ctx, RefusalKind.SIGN_IN, nobody, "session.refused", "user", username[:64], wrong=wrong
    )
