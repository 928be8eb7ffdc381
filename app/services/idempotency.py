"""Requests that are safe to send again: the first answer is kept with the change itself.

The record is written in the transaction of the work, so a crash leaves both or neither
(draft-ietf-httpapi-idempotency-key-header). Two at once are serialised by the primary key. An
answer is given again only to a caller who still has every right that the first one needed, and
never with a secret that is shown once.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, bindparam, delete, text, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.db import UtcDateTime
from app.domain.sign_in_errors import AnswerNotKeptError
from app.errors import IdempotencyConflictError, IdempotencyMismatchError, ValidationError
from app.models import IdempotencyRecord
from app.services.access import Principal, require_again
from app.services.context import Context
from app.services.demands import noting
from app.services.secrets import open_json, seal_json
from app.services.work import Work, perform

KEPT = timedelta(hours=24)
CLAIMS = 3
"""How often a key is tried of which a record was there, and then was gone or over."""
MAX_KEY_LENGTH = 255
# As text: SQLAlchemy would put an ON CONFLICT together anew for each request.
CLAIM = (
    text(
        "INSERT INTO idempotency_records"
        " (principal, key, fingerprint, status, headers, body, created_at, expires_at)"
        " VALUES"
        " (:principal, :key, :fingerprint, 0, :empty, :empty, :created_at, :expires_at)"
        " ON CONFLICT DO NOTHING"
    )
    .bindparams(
        bindparam("empty", {}, JSON),
        bindparam("created_at", type_=UtcDateTime),
        bindparam("expires_at", type_=UtcDateTime),
    )
    .execution_options(preserve_rowcount=True)
)
KEEP = update(IdempotencyRecord).where(
    IdempotencyRecord.principal == bindparam("of_principal"),
    IdempotencyRecord.key == bindparam("of_key"),
)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer in the making: status, headers and JSON body.

    ``shown_once`` names members of the body that are secrets; a replay lists them as ``omitted``.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    is_replay: bool = False
    shown_once: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestIdentity:
    """What makes two requests the same: who sent it, its key, and a digest of what it says."""

    caller: Principal
    key: str | None
    fingerprint: str

    @property
    def principal(self) -> str:
        """Whose key it is: a token must not be given answers beyond its scopes."""
        return self.caller.token_id or self.caller.id

    @classmethod
    def of(
        cls, caller: Principal, key: str | None, method: str, path: str, body: bytes
    ) -> RequestIdentity:
        """Build the identity of one request.

        Raises:
            ValidationError: the key is empty, too long or not printable ASCII.
        """
        if key is not None and not (
            0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()
        ):
            raise ValidationError(
                f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable ASCII characters."
            )
        digest = hashlib.sha256(b"\0".join([method.encode(), path.encode(), body])).hexdigest()
        return cls(caller, key, digest)


def perform_once(ctx: Context, request: RequestIdentity, act: Callable[[Work], Reply]) -> Reply:
    """Do ``act`` as ``perform`` would and keep its answer, or give the kept one again.

    Raises:
        NotFoundError, PermissionDeniedError: the caller has lost a right that the answer needed.
        AnswerNotKeptError: an earlier release answered.
        IdempotencyMismatchError: the key was used for another request.
        IdempotencyConflictError: the first request is still being handled elsewhere.
    """
    if request.key is None:
        with perform(ctx, request.caller) as work:
            return act(work)
    with perform(ctx, request.caller) as work:
        for _ in range(CLAIMS):
            if _claim(work.session, request):
                return _answer(work, request, act)
            kept = _read(work.session, request)
            if kept is not None:
                return _replay(ctx, kept, request)
        raise IdempotencyConflictError("The first request with this key has not ended.")


def is_answered(ctx: Context, request: RequestIdentity) -> bool:
    """Whether the answer to a request is kept, so that nothing would be done."""
    if request.key is None:
        return False
    with ctx.read() as session:
        kept = session.get(IdempotencyRecord, (request.principal, request.key))
        return kept is not None and kept.expires_at > utc_now()


def forget_expired(session: Session) -> None:
    """Remove records whose time is over."""
    session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.expires_at <= utc_now()))


def _claim(session: Session, request: RequestIdentity) -> bool:
    """Write the record of a request that is to be answered; tell whether no other has its key.

    PostgreSQL has it wait for a request with that key whose transaction is open, SQLite for any.
    """
    now = utc_now()
    values = {
        "principal": request.principal,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "created_at": now,
        "expires_at": now + KEPT,
    }
    # Beneath the ORM, which would take three times as long.
    return session.connection().execute(CLAIM, values).rowcount == 1


def _read(session: Session, request: RequestIdentity) -> IdempotencyRecord | None:
    """Return the kept answer, if it is not gone by now; remove one whose time is over."""
    kept = session.get(IdempotencyRecord, (request.principal, request.key))
    if kept is None or kept.expires_at > utc_now():
        return kept
    mine = (IdempotencyRecord.principal == kept.principal, IdempotencyRecord.key == kept.key)
    over = IdempotencyRecord.expires_at == kept.expires_at  # not what replaced it meanwhile
    session.execute(delete(IdempotencyRecord).where(*mine, over))
    session.expunge(kept)
    return None


def _answer(work: Work, request: RequestIdentity, act: Callable[[Work], Reply]) -> Reply:
    with noting() as demands:
        answer = act(work)
    mine = {"of_principal": request.principal, "of_key": request.key}
    kept = {
        "status": answer.status,
        "headers": answer.headers,
        "body": {"sealed": _seal(work.ctx, request, _without_secrets(answer))},
        "demands": [list(demand) for demand in demands],
    }
    work.session.connection().execute(KEEP, mine | kept)
    return answer


def _replay(ctx: Context, kept: IdempotencyRecord, request: RequestIdentity) -> Reply:
    if kept.fingerprint != request.fingerprint:
        raise IdempotencyMismatchError(
            "This Idempotency-Key was used for a request with another path or body."
        )
    if kept.demands is None:
        raise AnswerNotKeptError("An earlier release of Landform answered this request.")
    require_again(request.caller, map(tuple, kept.demands))
    body = open_json(ctx.keys, base64.b64decode(kept.body["sealed"]), _place(request))
    return Reply(kept.status, body, kept.headers, is_replay=True)


def _without_secrets(answer: Reply) -> dict[str, Any]:
    if not answer.shown_once:
        return answer.body
    kept = {name: value for name, value in answer.body.items() if name not in answer.shown_once}
    return {**kept, "omitted": sorted(answer.shown_once)}


def _seal(ctx: Context, request: RequestIdentity, body: dict[str, Any]) -> str:
    """Encrypt an answer: it may show sensitive outputs to the one who may read them."""
    return base64.b64encode(seal_json(ctx.keys, body, _place(request))).decode()


def _place(request: RequestIdentity) -> str:
    return f"idempotency:{request.principal}:{request.key}"
