"""End what lets somebody in: sessions and API tokens, when a person's access changes.

Event streams end by themselves: they look at sessions, tokens and roles all the time
(``app.services.identity.stream_rights``). Each function works inside the caller's transaction, for
a change that the caller audits.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.permissions import ServiceRight
from app.models import ApiToken, RecoveryCode, UserSecondFactor
from app.services.identity.api_tokens import revoke_tokens
from app.services.identity.sessions import end_sessions


def end_access(session: Session, user_id: str, because: str, keep: str | None = None) -> None:
    """End all sessions of a person, but for ``keep``, and all API tokens."""
    end_sessions(session, user_id, because, keep)
    revoke_tokens(session, ApiToken.user_id == user_id, because)


def end_administration(session: Session, user_id: str, keep: str | None = None) -> None:
    """End what an administrator leaves behind: the sessions, and tokens with rights on the whole.

    Tokens for projects stay; they never do more than their person may.
    """
    because = "no administrator any more"
    end_sessions(session, user_id, because, keep)
    mine = select(ApiToken).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
    for token in session.scalars(mine.with_for_update(of=ApiToken)):
        if set(token.scopes) & set(ServiceRight):
            token.revoked_at, token.revoked_because = utc_now(), because


def forget_second_factor(session: Session, user_id: str) -> None:
    """Remove the second factor of a person who is gone."""
    for model in (RecoveryCode, UserSecondFactor):
        session.execute(delete(model).where(model.user_id == user_id))


def end_project_access(session: Session, user_id: str, project_id: str) -> None:
    """End the API tokens that a person has for one project alone, since the role in it is gone."""
    own = (ApiToken.user_id == user_id) & (ApiToken.project_id == project_id)
    revoke_tokens(session, own, "no member of the project any more")
