"""Check the password of somebody who signs in or confirms."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.errors import AuthenticationError, TooManyRequestsError
from app.models import User
from app.services.context import Context
from app.services.identity.password_hashing import verify_password
from app.services.identity.throttle import Attempt, withdraw_attempt

WRONG = "The user name or the password is wrong."


def is_password_right(
    ctx: Context, attempt: Attempt, password: str, password_hash: str | None
) -> bool:
    """Tell whether a password fits, for an attempt that has begun.

    Raises:
        TooManyRequestsError: too many checks are under way; the attempt does not count.
    """
    try:
        return verify_password(password, password_hash)
    except TooManyRequestsError:  # the machine is busy, which is nobody's failure
        with ctx.write() as session:
            withdraw_attempt(session, attempt)
        raise


def lock_unchanged(session: Session, user: User) -> User:
    """Return the user locked, as the password was checked against it.

    Raises:
        AuthenticationError: meanwhile the password was changed or the user disabled.
    """
    row = session.get_one(User, user.id, with_for_update=True, populate_existing=True)
    if row.password_hash != user.password_hash or row.disabled_at is not None:
        raise AuthenticationError(WRONG, advice="Sign in again.")
    return row
