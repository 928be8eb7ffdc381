"""Confirm that whoever uses a session is the person who signed in.

A confirmed session may do what ``app.domain.permissions.PROOFS`` asks a confirmation for, until
``LANDFORM_CONFIRMATION_SECONDS`` are over. Signing in does not confirm: a session that was stolen
a moment after it began is worth no more than any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.clock import utc_now
from app.domain.refusal_budget import RefusalKind
from app.errors import AuthenticationError, ConflictError, ValidationError
from app.models import User, UserSession
from app.services import audit
from app.services.access import Principal, require_session
from app.services.context import Context
from app.services.identity.password_check import is_password_right, lock_unchanged
from app.services.identity.second_factors import has_second_factor, take_code
from app.services.identity.throttle import Attempt, begin_attempt, forgive_attempt, withdraw_attempt
from app.services.refusals import record_refusal
from app.services.work import Work, perform


def confirm_session(
    ctx: Context, principal: Principal, password: str, code: str | None
) -> datetime:
    """Check the present password, and a code where there is a second factor.

    Wrong ones slow the next attempts down as failed sign-ins do.

    Args:
        ctx: the services' context.
        principal: who asks.
        password: the present password.
        code: of the authenticator app, or a recovery code; nothing where there is no factor.

    Returns:
        Until when the session counts as confirmed.

    Raises:
        PermissionDeniedError: the caller came with an API token.
        ConflictError: the person has no password here.
        ValidationError: the password or the code is wrong (pointers ``/password``, ``/totp``).
        TooManyRequestsError: as ``sign_in``.
    """
    require_session(principal)
    with ctx.read() as session:
        user = session.get_one(User, principal.id)
        needs_code = has_second_factor(session, user.id)
    if not user.password_hash:
        raise ConflictError(
            "You have no password here: you sign in with the identity provider.",
            advice="Confirm in the console, which sends you to the identity provider once more.",
        )
    attempt = Attempt(principal.address, principal.name)
    begin_attempt(ctx, attempt)
    if not is_password_right(ctx, attempt, password, user.password_hash):
        _record_refusal(ctx, principal, "wrong password")
        raise ValidationError.at("/password", "Is not your password.")
    if needs_code:
        _check_code(ctx, principal, attempt, user, code)
    with perform(ctx, principal) as work:
        forgive_attempt(work.session, attempt)
        lock_unchanged(work.session, user)
        return mark_confirmed(work, "password")


def mark_confirmed(work: Work, how: str) -> datetime:
    """Note that the person in a session has just proved to be the one.

    Args:
        work: of the person.
        how: what the proof was, for the audit trail.

    Raises:
        AuthenticationError: the session has ended.
    """
    row = work.session.get(
        UserSession, work.principal.session_id, with_for_update={"of": UserSession}
    )
    if row is None or row.revoked_at is not None:
        raise AuthenticationError("The session has ended.")
    row.confirmed_at = utc_now()
    audit.record(work, "session.confirm", "session", row.id, proof=how)
    return row.confirmed_at + timedelta(seconds=work.ctx.settings.confirmation_seconds)


def _check_code(
    ctx: Context, principal: Principal, attempt: Attempt, user: User, code: str | None
) -> None:
    if not code:
        with ctx.write() as session:
            withdraw_attempt(session, attempt)  # the password was right, and nothing was guessed
        raise ValidationError.at("/totp", "Is needed: your account has a second factor.")
    if not take_code(ctx, user.id, code):
        _record_refusal(ctx, principal, "wrong code")
        raise ValidationError.at("/totp", "Is wrong, too old, or was used before.")


def _record_refusal(ctx: Context, principal: Principal, reason: str) -> None:
    kind, session_id = RefusalKind.SIGN_IN, str(principal.session_id)
    action = "session.confirm_refused"
    record_refusal(ctx, kind, principal, action, "session", session_id, reason=reason)
