"""API tokens: make one for a machine, see them, revoke them, and who calls with one.

A token acts for a person and never does more than the person may at this moment; its scopes only
take away. The secret is shown once and kept as a hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import api_tokens, ids
from app.domain.permissions import Act, ActorKind, Right, Scope, ServiceRight
from app.domain.plain_words import in_words
from app.errors import AuthenticationError, ValidationError
from app.models import ApiToken, Project, User
from app.services import audit
from app.services.access import (
    Principal,
    load_principal,
    require_own,
    require_proof,
    require_service,
    require_session,
)
from app.services.context import Context
from app.services.lookup import project_by, user_named
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work

USE_IS_WRITTEN_EVERY = timedelta(minutes=1)
ADVICE = "Make a new one with POST /api/v1/tokens."


class TokenStatus(StrEnum):
    """Whether a token can be used."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class NewToken:
    """What a person wants a machine to be able to do, where at most, until when."""

    name: str
    scopes: tuple[str, ...]
    project: str | None = None
    expires_at: datetime | None = None


def status_of(token: ApiToken) -> TokenStatus:
    """Return whether a token can be used; a disabled owner's cannot, whatever its status."""
    if token.revoked_at is not None:
        return TokenStatus.REVOKED
    return TokenStatus.EXPIRED if token.expires_at <= utc_now() else TokenStatus.ACTIVE


def create_token(work: Work, wanted: NewToken) -> tuple[ApiToken, str]:
    """Make a token of the caller and return it with its secret, which is not kept.

    Raises:
        PermissionDeniedError: the caller came with an API token.
        ConfirmationRequiredError: the session is not confirmed.
        ValidationError: a scope, the project or the expiry is not acceptable.
    """
    require_session(work.principal)
    require_proof(work.principal, Act.CREATE_TOKEN)
    project = None
    if wanted.project is not None:
        project = project_by(work.session, work.principal, wanted.project, Right.PROJECT_READ)
    _check_scopes(work.principal, wanted.scopes, project)
    secret, now = api_tokens.mint(), utc_now()
    token = ApiToken(
        id=ids.new_id(ids.API_TOKEN),
        user=work.session.get_one(User, work.principal.id),
        name=wanted.name,
        secret_sha256=_digest(secret),
        hint=api_tokens.hint_of(secret),
        scopes=sorted(set(wanted.scopes)),
        project=project,
        created_at=now,
        expires_at=_expiry(work.ctx, now, wanted.expires_at),
    )
    work.session.add(token)
    work.session.flush()
    _audit(work, "token.create", token, name=token.name, scopes=token.scopes)
    return token, secret


def list_tokens(
    session: Session, principal: Principal, user: str | None, page: PageRequest
) -> Page[ApiToken]:
    """Return the tokens of the caller, or of another ``user``, that are not revoked, newest first.

    Raises:
        PermissionDeniedError: the caller came with an API token, or lacks ``user:manage``.
        NotFoundError: there is no such user.
    """
    require_session(principal)
    owner = principal.id
    if user not in (None, principal.id, principal.name):
        require_service(principal, ServiceRight.USER_MANAGE)
        owner = user_named(session, user or "").id
    query = select(ApiToken).where(ApiToken.user_id == owner, ApiToken.revoked_at.is_(None))
    return fetch_page(session, query, ApiToken.id, page, newest_first=True)


def token_by_id(
    session: Session, principal: Principal, token_id: str, *, is_locked: bool = False
) -> ApiToken:
    """Return a token that is not revoked: one's own, or anybody's for an administrator.

    Raises:
        PermissionDeniedError: the caller came with another API token than this one.
        NotFoundError: there is none that the caller can see.
    """
    if principal.token_id != token_id:
        require_session(principal)
    lock = {"of": ApiToken} if is_locked else None
    found = session.get(ApiToken, token_id, with_for_update=lock)
    return require_own(principal, found, f"token {token_id!r}", ServiceRight.USER_MANAGE)


def revoke_token(work: Work, token_id: str) -> None:
    """End a token at once: one's own, the one that asks, or anybody's for an administrator.

    Raises:
        PermissionDeniedError, NotFoundError: as ``token_by_id``.
    """
    token = token_by_id(work.session, work.principal, token_id, is_locked=True)
    token.revoked_at, token.revoked_because = utc_now(), f"revoked by {work.principal.name}"[:64]
    _audit(work, "token.revoke", token, name=token.name)


def revoke_tokens(session: Session, which: ColumnElement[bool], because: str) -> None:
    """End all tokens that fit, for a change that the caller audits."""
    session.execute(
        update(ApiToken)
        .where(which, ApiToken.revoked_at.is_(None))
        .values(revoked_at=utc_now(), revoked_because=because)
    )


def caller_of(ctx: Context, secret: str, request_id: str | None) -> Principal:
    """Return who calls with a token: its owner with the rights of this moment, within its scopes.

    Raises:
        AuthenticationError: no such token, revoked or expired, or its owner is disabled.
    """
    if not api_tokens.is_whole(secret):
        raise AuthenticationError("The API token is not whole: its checksum is wrong.")
    with ctx.read() as session:
        token = session.scalar(select(ApiToken).where(ApiToken.secret_sha256 == _digest(secret)))
        if token is None:
            raise AuthenticationError("There is no such API token.", advice=ADVICE)
        _refuse_unusable(token)
        principal = load_principal(
            session,
            token.user,
            kind=ActorKind.TOKEN,
            token_id=token.id,
            scope=Scope.of(token.scopes, token.project_id),
            request_id=request_id,
            expires_at=token.expires_at,
        )
    _note_use(ctx, token)
    return principal


def _refuse_unusable(token: ApiToken) -> None:
    status = status_of(token)
    if status is not TokenStatus.ACTIVE:
        raise AuthenticationError(f"The API token is {in_words(status)}.", advice=ADVICE)
    if token.user.disabled_at is not None:
        raise AuthenticationError("The user of the API token is disabled.")
    if token.project is not None and token.project.deleted_at is not None:
        raise AuthenticationError("The project of the API token is deleted.", advice=ADVICE)


def _note_use(ctx: Context, token: ApiToken) -> None:
    """Write when the token was used, at most once a minute."""
    now = utc_now()
    before = now - USE_IS_WRITTEN_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    is_due = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= before)
    with ctx.write() as session:
        session.execute(
            update(ApiToken).where(ApiToken.id == token.id, is_due).values(last_used_at=now)
        )


def _check_scopes(principal: Principal, scopes: tuple[str, ...], project: Project | None) -> None:
    for index, scope in enumerate(scopes):
        fault = _scope_fault(principal, scope, project)
        if fault is not None:
            raise ValidationError.at(f"/scopes/{index}", fault)


def _scope_fault(principal: Principal, scope: str, project: Project | None) -> str | None:
    if scope in set(ServiceRight):
        if project is not None:
            return f"{scope} holds for this Landform as a whole: leave the project out."
        has_it = principal.may(ServiceRight(scope))
    elif project is not None:
        has_it = principal.has(Right(scope), project.id)
    else:
        has_it = principal.has_anywhere(Right(scope))
    return None if has_it else f"You do not have {scope} yourself."


def _expiry(ctx: Context, now: datetime, wanted: datetime | None) -> datetime:
    if wanted is None:
        return now + timedelta(seconds=ctx.settings.api_token_seconds)
    longest = timedelta(seconds=ctx.settings.api_token_max_seconds)
    if not now < wanted <= now + longest:
        raise ValidationError.at(
            "/expires_at", f"Must lie in the future, at most {longest.days} days ahead."
        )
    return wanted


def _digest(secret: str) -> str:
    """Return what is kept of a secret: 190 bits of chance need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(work: Work, action: str, token: ApiToken, **detail: object) -> None:
    audit.record(
        work,
        action,
        "token",
        token.id,
        project_id=token.project_id,
        user=token.user.name,
        **detail,
    )
