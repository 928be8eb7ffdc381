"""A person changes the own password; whoever else was signed in by the old one is signed out."""

from __future__ import annotations

from app.errors import AuthenticationError, ValidationError
from app.models import User
from app.services import audit
from app.services.access import Principal, require_session
from app.services.context import Context
from app.services.passwords import verify_password
from app.services.sessions import end_sessions
from app.services.users import hash_new_password


def change_own_password(ctx: Context, principal: Principal, current: str, wanted: str) -> None:
    """Check the present password, set the new one and end all other sessions.

    Raises:
        PermissionDeniedError: the caller came with an API token.
        ValidationError: the present password is wrong, or the new one not acceptable.
        TooManyRequestsError: too many hashes are under way.
    """
    require_session(principal)
    with ctx.read() as session:
        old_hash = session.get_one(User, principal.id).password_hash
    if not verify_password(current, old_hash):
        raise ValidationError.at("/current_password", "Is not your password.")
    new_hash = hash_new_password(wanted, principal.name, "/new_password")
    with ctx.write() as session:
        user = session.get_one(User, principal.id, with_for_update=True)
        if user.password_hash != old_hash or user.disabled_at is not None:
            raise AuthenticationError("The password was changed meanwhile.")
        user.password_hash = new_hash
        count = end_sessions(session, user.id, "password changed", keep=principal.session_id)
        audit.record(
            session, principal, "user.change_password", "user", user.id, ended_sessions=count
        )
