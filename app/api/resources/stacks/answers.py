"""Answer with one stack, or with accepted work on one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import Response
from sqlalchemy.orm import Session

from app.api.http import responses
from app.api.http.held import headers_to_follow, perform_and_hold
from app.api.resources.operations.presenter import present_operation
from app.api.resources.stacks.presenter import present_stack
from app.domain.operations import FINAL, OperationStatus
from app.models import Operation, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.idempotency import Reply
from app.services.work import Work
from app.web.context import current_context, current_principal


def answer_stack(ctx: Context, row: Stack) -> Response:
    """Reply with one stack; its ETag is its version, which If-Match takes."""
    return responses.single(present_stack(ctx, current_principal(), row), row.version)


def accept(act: Callable[[Work], tuple[Stack, Operation | None]]) -> Response:
    """Do ``act`` once for its Idempotency-Key and answer 202 with stack and operation.

    Without an operation (nothing for Terraform to do), and with one that had ended before, the
    answer is 200.
    """
    ctx, principal = current_context(), current_principal()

    def answer(work: Work) -> Reply:
        row, operation = act(work)
        work.session.flush()
        given = _accepted(ctx, principal, work.session, row, operation)
        is_over = operation is not None and OperationStatus(operation.status) in FINAL
        etag = {"ETag": given.headers["ETag"]}
        return replace(given, status=200, headers=etag) if is_over else given

    def look_again(session: Session, operation: Operation) -> Reply:
        return _accepted(ctx, principal, session, operation.stack, operation)

    return perform_and_hold(
        answer, lambda given: (given.body["operation"] or {}).get("id"), look_again
    )


def _accepted(
    ctx: Context, principal: Principal, session: Session, row: Stack, operation: Operation | None
) -> Reply:
    shown = present_stack(ctx, principal, row)
    body = {
        "stack": shown,
        "operation": present_operation(session, operation) if operation else None,
    }
    etag = {"ETag": f'"{responses.tag_of(shown, row.version)}"'}
    if operation is None:
        return Reply(200, body, etag)
    return Reply(202, body, etag | headers_to_follow(operation))
