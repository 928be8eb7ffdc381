"""Slow down who guesses passwords; kept in SQL, with the time of the database.

So all web processes and hosts count together, also while Redis is away.

An attempt counts as failed before the password is looked at, and is forgiven when it was right: a
hundred attempts at once gain nothing. While its origin must wait, no password is looked at.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import database_now
from app.domain.sign_in_pace import OF_ADDRESS, OF_FACTOR, OF_PAIR, SignInPace, origin_of
from app.errors import TooManyRequestsError
from app.models import SignInFailure
from app.services.context import Context


@dataclass(frozen=True)
class Attempt:
    """Somebody at ``address`` who says to be ``name``."""

    address: str | None
    name: str
    complaint: ClassVar = "Signing in failed too often from your address."

    @property
    def origins(self) -> tuple[tuple[str, SignInPace], ...]:
        """The hashes under which it counts, each with its pace; always in the same order."""
        place = origin_of(self.address)
        return (
            (_digest("address", place), OF_ADDRESS),
            (_digest("pair", place, self.name), OF_PAIR),
        )


@dataclass(frozen=True)
class FactorAttempt:
    """Somebody who knows the password of a user, and gives a code of the second factor."""

    user_id: str
    complaint: ClassVar = "Too many wrong codes were given for your account."

    @property
    def origins(self) -> tuple[tuple[str, SignInPace], ...]:
        """The hash under which it counts, with its pace."""
        return ((_digest("factor", self.user_id), OF_FACTOR),)


AnyAttempt = Attempt | FactorAttempt


def begin_attempt(ctx: Context, attempt: AnyAttempt) -> None:
    """Count an attempt, as failed until it is forgiven.

    Raises:
        TooManyRequestsError: the origin has to wait; its context says for how long.
    """
    with ctx.write() as session:
        now = database_now(session)
        rows = [(_row(session, origin, now), pace) for origin, pace in attempt.origins]
        _refuse_early(max(row.blocked_until for row, _ in rows), now, attempt.complaint)
        for row, pace in rows:
            row.count = 1 if row.forgotten_at <= now else row.count + 1
            row.blocked_until = now + pace.wait_after(row.count)
            row.forgotten_at = now + pace.memory


def withdraw_attempt(session: Session, attempt: AnyAttempt) -> None:
    """Undo what ``begin_attempt`` did for an attempt whose password was never looked at."""
    now = database_now(session)
    for origin, _ in attempt.origins:
        row = session.get(SignInFailure, origin, with_for_update=True)
        if row is not None and row.count > 0:
            row.count -= 1
            row.blocked_until = now


def forgive_attempt(session: Session, attempt: Attempt) -> None:
    """Undo what ``begin_attempt`` did for an attempt that was right, and forget those of the pair.

    Other failures of the address stay, or whoever has one password could guess others for ever.
    """
    withdraw_attempt(session, attempt)
    session.flush()
    _, (pair, _) = attempt.origins
    session.execute(delete(SignInFailure).where(SignInFailure.origin == pair))


def forget_old_failures(session: Session) -> None:
    """Remove what is over."""
    now = database_now(session)
    session.execute(delete(SignInFailure).where(SignInFailure.forgotten_at <= now))


def _refuse_early(until: datetime, now: datetime, complaint: str) -> None:
    if until > now:
        seconds = math.ceil((until - now).total_seconds())
        raise TooManyRequestsError(
            complaint,
            advice=f"Try again in {seconds} seconds.",
            context={"retry_after_seconds": seconds},
        )


def _row(session: Session, origin: str, now: datetime) -> SignInFailure:
    """Return the row of an origin, locked; made when there is none."""
    row = session.get(SignInFailure, origin, with_for_update=True)
    if row is not None:
        return row
    made = SignInFailure(origin=origin, count=0, blocked_until=now, forgotten_at=now)
    try:
        with session.begin_nested():
            session.add(made)
        return made
    except IntegrityError:  # another attempt of the same origin was faster
        return session.get_one(SignInFailure, origin, with_for_update=True)


def _digest(*parts: str) -> str:
    """Return a name of fixed size, which keeps no address and no mistyped password in SQL."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
