"""The short-lived proof that a password was right, for a sign-in that still needs a code.

It is sealed, so that only this Landform can make one, and worth nothing without the code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import timedelta

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.names import is_storable
from app.errors import AuthenticationError, DecryptionError
from app.models import User
from app.services.context import Context

LIFE = timedelta(minutes=5)
MAX_LENGTH = 1024
PLACE = "sign-in challenge"


def make_challenge(ctx: Context, user: User) -> str:
    """Return the proof that somebody knew the present password of a user."""
    until = (utc_now() + LIFE).timestamp()
    kept = {"user": user.id, "password": _digest(user), "until": until}
    return base64.urlsafe_b64encode(ctx.keys.encrypt(json.dumps(kept).encode(), PLACE)).decode()


def open_challenge(ctx: Context, session: Session, challenge: str) -> User:
    """Return the user whose password was right.

    Raises:
        AuthenticationError: it is none of ours, too old, or the password was changed meanwhile.
    """
    bad = AuthenticationError("The sign-in took too long or began elsewhere.", advice="Sign in.")
    if len(challenge) > MAX_LENGTH or not is_storable(challenge):
        raise bad
    try:
        sealed = base64.urlsafe_b64decode(challenge.encode())
        kept = json.loads(ctx.keys.decrypt(sealed, PLACE))
    except (binascii.Error, ValueError, DecryptionError) as error:
        raise bad from error
    user = session.get(User, kept["user"])
    if user is None or kept["password"] != _digest(user) or user.disabled_at is not None:
        raise bad
    if kept["until"] < utc_now().timestamp():
        raise bad
    return user


def _digest(user: User) -> str:
    return hashlib.sha256(user.password_hash.encode()).hexdigest()
