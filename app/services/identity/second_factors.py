"""Second factors: set one up, prove it, lose the app, take the factor away.

The secret of an app lies sealed in SQL; of recovery codes there are hashes. A code counts once.
Wrong codes slow down the next ones for the account, wherever they come from: only somebody who has
the password gets as far as guessing a code.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.permissions import Act, ServiceRight
from app.domain.refusal_budget import RefusalKind
from app.errors import ConflictError, NotFoundError, ValidationError
from app.models import RecoveryCode, User, UserSecondFactor
from app.services import audit
from app.services.access import Principal, require_proof, require_service
from app.services.context import Context
from app.services.identity import totp
from app.services.identity.sessions import end_sessions
from app.services.identity.throttle import FactorAttempt, begin_attempt, withdraw_attempt
from app.services.lookup import user_named
from app.services.refusals import record_refusal
from app.services.secrets import open_json, seal_json
from app.services.work import Work, perform


@dataclass(frozen=True)
class FactorStatus:
    """How a person stands with second factors."""

    is_active: bool = False
    is_pending: bool = False
    recovery_codes_left: int = 0


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app must be told, until a code of it was seen."""

    secret: str
    address: str


def has_second_factor(session: Session, user_id: str) -> bool:
    """Tell whether signing in takes a code."""
    factor = session.get(UserSecondFactor, user_id)
    return factor is not None and factor.activated_at is not None


def factor_status(session: Session, user_id: str) -> FactorStatus:
    """Return how a person stands with second factors."""
    factor = session.get(UserSecondFactor, user_id)
    if factor is None:
        return FactorStatus()
    left = select(func.count()).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )
    is_active = factor.activated_at is not None
    return FactorStatus(is_active, not is_active, session.scalar(left) or 0)


def begin_enrolment(work: Work) -> Enrolment:
    """Make a secret for an authenticator app; it counts once ``activate`` has seen a code of it.

    Raises:
        PermissionDeniedError: the caller came with an API token.
        ConfirmationRequiredError: the session is not confirmed.
        ConflictError: there is a factor already, or the person signs in at a provider only.
    """
    require_proof(work.principal, Act.CHANGE_SECOND_FACTOR)
    user = work.session.get_one(User, work.principal.id, with_for_update=True)
    if not user.password_hash:
        raise ConflictError(
            "You sign in with the identity provider, which asks for a second factor itself.",
            advice="Set one up there.",
        )
    factor = work.session.get(UserSecondFactor, user.id, with_for_update=True)
    if factor is not None and factor.activated_at is not None:
        raise ConflictError(
            "Your account has a second factor already.", advice="Remove it first, then begin anew."
        )
    secret = totp.new_secret()
    if factor is None:
        factor = UserSecondFactor(user_id=user.id, sealed_secret=b"", last_step=0)
        work.session.add(factor)
    factor.sealed_secret, factor.created_at = _seal(work.ctx, user.id, secret), utc_now()
    _audit(work, "second_factor.begin", user)
    return Enrolment(totp.written(secret), totp.address_of(secret, user.name))


def pending_enrolment(ctx: Context, session: Session, principal: Principal) -> Enrolment | None:
    """Return the enrolment that waits for a code, for the person who began it a moment ago.

    Raises:
        ConfirmationRequiredError: the session is not confirmed.
    """
    factor = session.get(UserSecondFactor, principal.id)
    if factor is None or factor.activated_at is not None:
        return None
    require_proof(principal, Act.CHANGE_SECOND_FACTOR)
    secret = _open(ctx, factor)
    return Enrolment(totp.written(secret), totp.address_of(secret, principal.name))


def activate(ctx: Context, principal: Principal, code: str) -> list[str]:
    """Have the factor count from now on, and return the recovery codes, which are not kept.

    The other sessions of the person end: they were opened without it.

    Raises:
        PermissionDeniedError, ConfirmationRequiredError: as ``begin_enrolment``.
        ConflictError: nothing was begun, or it counts already.
        ValidationError: the code is wrong (pointer ``/totp``).
        TooManyRequestsError: too many wrong codes.
    """
    require_proof(principal, Act.CHANGE_SECOND_FACTOR)
    attempt = FactorAttempt(principal.id)
    begin_attempt(ctx, attempt)
    with perform(ctx, principal) as work:
        factor = work.session.get(UserSecondFactor, principal.id, with_for_update=True)
        is_begun = factor is not None and factor.activated_at is None
        codes = _activate(work, factor, code) if factor and is_begun else []
        if codes or not is_begun:
            withdraw_attempt(work.session, attempt)
    if not is_begun:
        raise ConflictError(
            "There is no second factor that waits for its first code.",
            advice="Begin with POST /api/v1/auth/second-factor.",
        )
    if not codes:
        kind = RefusalKind.SIGN_IN
        record_refusal(ctx, kind, principal, "second_factor.refused", "user", principal.id)
        raise ValidationError.at("/totp", "Is not what your app must show now: check its clock.")
    return codes


def renew_recovery_codes(work: Work) -> list[str]:
    """Return new recovery codes in place of the old ones.

    Raises:
        PermissionDeniedError, ConfirmationRequiredError: as ``begin_enrolment``.
        NotFoundError: the person has no second factor.
    """
    require_proof(work.principal, Act.CHANGE_SECOND_FACTOR)
    user = work.session.get_one(User, work.principal.id, with_for_update=True)
    if not has_second_factor(work.session, user.id):
        raise _missing(user)
    codes = _replace_codes(work.session, user.id)
    _audit(work, "second_factor.renew_codes", user)
    return codes


def remove_own(work: Work) -> None:
    """Take the caller's second factor away, or the one that was begun.

    Raises:
        PermissionDeniedError, ConfirmationRequiredError: as ``begin_enrolment``.
        NotFoundError: the person has no second factor.
    """
    require_proof(work.principal, Act.CHANGE_SECOND_FACTOR)
    user = work.session.get_one(User, work.principal.id, with_for_update=True)
    _remove(work.session, user)
    _audit(work, "second_factor.remove", user)


def reset_of(work: Work, reference: str) -> None:
    """Take somebody's second factor away, who has lost it; all sessions of the person end.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage`` or came with an API token.
        ConfirmationRequiredError: the session is not confirmed.
        NotFoundError: there is no such user, or the person has no second factor.
    """
    require_service(work.principal, ServiceRight.USER_MANAGE)
    require_proof(work.principal, Act.RESET_SECOND_FACTOR)
    user = user_named(work.session, reference, is_locked=True)
    _remove(work.session, user)
    user.version += 1
    count = end_sessions(
        work.session, user.id, "second factor reset", keep=work.principal.session_id
    )
    _audit(work, "second_factor.reset", user, name=user.name, ended_sessions=count)


def take_code(ctx: Context, user_id: str, code: str) -> bool:
    """Tell whether a code is good, and see to it that it is not good again.

    Args:
        ctx: the services' context.
        user_id: whose code it should be; the password was right.
        code: of the authenticator app, or a recovery code.

    Raises:
        TooManyRequestsError: too many wrong codes for this account; its context says how long.
    """
    attempt = FactorAttempt(user_id)
    begin_attempt(ctx, attempt)
    with ctx.write() as session:
        factor = session.get(UserSecondFactor, user_id, with_for_update=True)
        is_good = factor is not None and _take(ctx, session, factor, code.strip())
        if is_good:
            withdraw_attempt(session, attempt)
    return is_good


def _activate(work: Work, factor: UserSecondFactor, code: str) -> list[str]:
    """Return the recovery codes, or none when the code is wrong."""
    step = totp.step_of_code(_open(work.ctx, factor), code.strip(), time.time(), factor.last_step)
    if step is None:
        return []
    factor.last_step, factor.activated_at = step, utc_now()
    user = work.session.get_one(User, work.principal.id)
    count = end_sessions(
        work.session, user.id, "second factor added", keep=work.principal.session_id
    )
    codes = _replace_codes(work.session, user.id)
    _audit(work, "second_factor.activate", user, ended_sessions=count)
    return codes


def _take(ctx: Context, session: Session, factor: UserSecondFactor, code: str) -> bool:
    if totp.is_totp(code):
        step = totp.step_of_code(_open(ctx, factor), code, time.time(), factor.last_step)
        factor.last_step = step or factor.last_step
        return step is not None
    key = (factor.user_id, totp.recovery_digest(code))
    found = session.get(RecoveryCode, key, with_for_update=True)
    if found is None or found.used_at is not None:
        return False
    found.used_at = utc_now()
    return True


def _remove(session: Session, user: User) -> None:
    factor = session.get(UserSecondFactor, user.id, with_for_update=True)
    if factor is None:
        raise _missing(user)
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    session.delete(factor)


def _missing(user: User) -> NotFoundError:
    return NotFoundError(f"User {user.name!r} has no second factor.", advice="Nothing to do.")


def _replace_codes(session: Session, user_id: str) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = totp.new_recovery_codes()
    session.add_all(
        RecoveryCode(user_id=user_id, code_sha256=totp.recovery_digest(code)) for code in codes
    )
    return codes


def _seal(ctx: Context, user_id: str, secret: bytes) -> bytes:
    return seal_json(ctx.keys, base64.b64encode(secret).decode(), _place(user_id))


def _open(ctx: Context, factor: UserSecondFactor) -> bytes:
    return base64.b64decode(open_json(ctx.keys, factor.sealed_secret, _place(factor.user_id)))


def _place(user_id: str) -> str:
    return f"second-factor:{user_id}"


def _audit(work: Work, action: str, user: User, **detail: Any) -> None:
    audit.record(work, action, "user", user.id, **detail)
