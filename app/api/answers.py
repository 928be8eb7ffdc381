"""Build answers: pages with links, single resources with ETags, accepted work to follow."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request
from sqlalchemy.orm import Session

from app.api import present
from app.api.requests import request_identity, wait_seconds
from app.domain.operations import FINAL, OperationStatus
from app.models import Operation, Stack
from app.services import idempotency
from app.services.access import Principal
from app.services.context import Context
from app.services.idempotency import Answer
from app.services.pages import Page
from app.web_context import current_context, current_principal

POLL_SECONDS = 0.1
MAX_WAITS = 16
RETRY_AFTER_SECONDS = "1"

# A held answer holds a thread. Beyond this many the preference is not applied (RFC 7240 §2).
_waits = threading.BoundedSemaphore(MAX_WAITS)


def page(found: Page[Any], present_item: Callable[[Any], dict[str, Any]], **more: Any) -> Response:
    """Answer with one page of a list, a Link to the next one, and ``more`` in the body."""
    body = {
        **more,
        "items": [present_item(item) for item in found.items],
        "next_cursor": found.next_cursor,
    }
    response = jsonify(body)
    if found.next_cursor is not None:
        query = {**request.args.to_dict(), "cursor": found.next_cursor}
        response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return response


def single(body: dict[str, Any], etag: str | None = None) -> Response:
    """Answer with one resource; its ETag is ``etag`` or a digest of what is shown."""
    response = jsonify(body)
    if etag is None:
        text = json.dumps(body, sort_keys=True, default=str)
        response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
        response.make_conditional(request)
        return response
    response.headers["ETag"] = f'"{etag}"'
    return response


def stack(ctx: Context, row: Stack) -> Response:
    """Answer with one stack; its ETag is its version, which If-Match takes."""
    return single(present.stack(ctx, current_principal(), row), str(row.version))


def accept(
    work: Callable[[Session, Context, Principal], tuple[Stack, Operation | None]],
) -> Response:
    """Do ``work`` once for its Idempotency-Key and answer 202 with stack and operation.

    Without an operation (nothing for Terraform to do) the answer is 200.
    """
    ctx, principal = current_context(), current_principal()

    def answer(session: Session) -> Answer:
        row, operation = work(session, ctx, principal)
        session.flush()
        return _accepted(ctx, principal, session, row, operation)

    def look_again(session: Session, operation: Operation) -> Answer:
        return _accepted(ctx, principal, session, operation.stack, operation)

    return carry_out(answer, lambda given: (given.body["operation"] or {}).get("id"), look_again)


def carry_out(
    work: Callable[[Session], Answer],
    operation_of: Callable[[Answer], str | None],
    look_again: Callable[[Session, Operation], Answer],
) -> Response:
    """Do ``work`` once for its Idempotency-Key, and hold the answer as ``Prefer: wait=N`` asks.

    Args:
        work: does it, and says what to answer.
        operation_of: the id of the operation that an answer is about, if there is one.
        look_again: what to answer once that operation has ended.
    """
    ctx = current_context()
    given = idempotency.carry_out(ctx, request_identity(), work)
    operation_id, seconds = operation_of(given), wait_seconds()
    is_held = seconds and operation_id is not None and not given.is_replay
    if not is_held or operation_id is None or not _waits.acquire(blocking=False):
        return respond(given)
    try:
        given = _wait(ctx, operation_id, seconds, look_again)
    finally:
        _waits.release()
    response = respond(given)
    response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


@dataclass(frozen=True)
class Created:
    """A new thing: as it is shown, its path below ``/api/v1``, and its version if it has one."""

    body: dict[str, Any]
    path: str
    version: int | None = None


def create(work: Callable[[Session, Context, Principal], Created]) -> Response:
    """Do ``work`` once for its Idempotency-Key and answer 201 with what it made."""
    ctx, principal = current_context(), current_principal()

    def answer(session: Session) -> Answer:
        made = work(session, ctx, principal)
        headers = {"Location": f"{present.PREFIX}/{made.path}"}
        if made.version is not None:
            headers["ETag"] = f'"{made.version}"'
        return Answer(201, made.body, headers)

    return respond(idempotency.carry_out(ctx, request_identity(), answer))


def respond(given: Answer) -> Response:
    """Send an answer that may be a replay."""
    response = jsonify(given.body)
    response.status_code = given.status
    response.headers.extend(given.headers)
    if given.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _accepted(
    ctx: Context, principal: Principal, session: Session, row: Stack, operation: Operation | None
) -> Answer:
    body = {
        "stack": present.stack(ctx, principal, row),
        "operation": present.operation(session, operation) if operation else None,
    }
    headers = {"ETag": f'"{row.version}"'}
    if operation is None:
        return Answer(200, body, headers)
    headers["Location"] = f"{present.PREFIX}/operations/{operation.id}"
    headers["Retry-After"] = RETRY_AFTER_SECONDS
    return Answer(202, body, headers)


def _wait(
    ctx: Context,
    operation_id: str,
    seconds: int,
    look_again: Callable[[Session, Operation], Answer],
) -> Answer:
    """Look at the operation until it has ended or waits for a person, then answer anew."""
    deadline = time.monotonic() + seconds
    while True:
        with ctx.read() as session:
            operation = session.get_one(Operation, operation_id)
            status = OperationStatus(operation.status)
            is_waiting = status is OperationStatus.PLANNED and operation.approved_at is None
            if status in FINAL or is_waiting or time.monotonic() >= deadline:
                return look_again(session, operation)
        time.sleep(POLL_SECONDS)
