"""Hold an answer until its operation has ended, as ``Prefer: wait=N`` asks (RFC 7240)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flask import Response
from sqlalchemy.orm import Session

from app.api.http import responses
from app.api.http.blueprint import PREFIX
from app.api.http.dry_run import is_dry_run, perform_as_asked
from app.api.http.requests import awaited_status, wait_seconds
from app.domain.operations import FINAL, OperationStatus
from app.errors import NotFoundError
from app.models import Operation
from app.services.context import Context
from app.services.idempotency import Reply
from app.services.identity.stream_rights import Viewer, may_still_see
from app.services.work import Work
from app.web.context import current_context, current_principal

POLL_SECONDS = 0.1
RETRY_AFTER_SECONDS = "1"
MAX_WAITS = 16

# A held answer holds a thread. Beyond this many the preference is not applied (RFC 7240 §2).
_waits = threading.BoundedSemaphore(MAX_WAITS)


def perform_and_hold(
    act: Callable[[Work], Reply],
    operation_of: Callable[[Reply], str | None],
    look_again: Callable[[Session, Operation], Reply],
) -> Response:
    """Do ``act`` once for its Idempotency-Key, and hold the answer as ``Prefer: wait=N`` asks.

    With ``dry_run=true`` it is only tried out, and there is nothing to wait for.

    Args:
        act: does it, and says what to answer.
        operation_of: the id of the operation that an answer is about, if there is one.
        look_again: what to answer once that operation has ended.
    """
    ctx, given = current_context(), perform_as_asked(act)
    operation_id, seconds = operation_of(given), wait_seconds()
    is_done_now = not given.is_replay and not is_dry_run()
    is_held = seconds and operation_id is not None and is_done_now
    if not is_held or operation_id is None or not _waits.acquire(blocking=False):
        return responses.respond(given)
    try:
        given = _wait(ctx, operation_id, seconds, look_again) or given
    finally:
        _waits.release()
    response = responses.respond(given)
    response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


def hold_until(operation_id: str) -> int:
    """Hold a request as ``Prefer: wait=N`` asks until the operation has ended or awaits approval.

    With ``wait-for=<status>`` only until it has that status, or has ended.

    Returns:
        How many seconds were asked for; 0 when the preference is not applied.

    Raises:
        ValidationError: ``wait-for`` names no status.
        NotFoundError: the caller may not see the operation any more.
    """
    seconds, wanted = wait_seconds(), awaited_status()
    if not seconds or not _waits.acquire(blocking=False):
        return 0
    try:
        may_see = _wait(current_context(), operation_id, seconds, lambda *_: Reply(200, {}), wanted)
    finally:
        _waits.release()
    if may_see is None:
        raise NotFoundError(f"There is no operation {operation_id!r}.")
    return seconds


def headers_to_follow(operation: Operation) -> dict[str, str]:
    """Return the headers of an answer whose operation has not ended."""
    return {"Location": f"{PREFIX}/operations/{operation.id}", "Retry-After": RETRY_AFTER_SECONDS}


def _wait(
    ctx: Context,
    operation_id: str,
    seconds: int,
    look_again: Callable[[Session, Operation], Reply],
    wanted: OperationStatus | None = None,
) -> Reply | None:
    """Look at the operation until it has ended or awaits approval, then answer anew.

    Args:
        ctx: the adapters.
        operation_id: which operation.
        seconds: for how long at most.
        look_again: what to answer then.
        wanted: the status to wait for instead of the approval.

    Returns:
        The new answer; none for a caller whose rights are not what they were.
    """
    principal = current_principal()
    deadline = time.monotonic() + seconds
    while True:
        with ctx.read() as session:
            operation = session.get_one(Operation, operation_id)
            status = OperationStatus(operation.status)
            is_waiting = status is OperationStatus.PLANNED and operation.approved_at is None
            is_there = is_waiting if wanted is None else status is wanted
            if status in FINAL or is_there or time.monotonic() >= deadline:
                viewer = Viewer(principal, operation.stack.project_id)
                return (
                    look_again(session, operation)
                    if all(may_still_see(session, [viewer]))
                    else None
                )
        time.sleep(POLL_SECONDS)
