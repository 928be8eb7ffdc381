"""The lock of a stack: who keeps it from being changed, and who writes to it now."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api import answers
from app.api.requests import ApiBlueprint, expected_version
from app.api.schemas import Answer, Request, choices
from app.clock import rfc3339
from app.services import stack_locks
from app.services.stack_locks import LockState, WriterVerdict
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("stack-locks", "Locks that people put on stacks")

MAX_REASON = 500
NOT_BLANK = r"^\s*\S"


class LockBody(Request):
    """Why a stack is locked."""

    reason = fields.String(
        required=True,
        validate=[
            validate.Length(max=MAX_REASON),
            validate.Regexp(NOT_BLANK, error="Say why."),
        ],
        metadata={"example": "moving it to another account", "pattern": NOT_BLANK},
    )


class WriterView(Answer):
    """Whether a process may be changing the stack; ``orphaned`` means that its worker is gone."""

    verdict = fields.String(required=True, validate=choices(WriterVerdict))
    detail = fields.String(required=True)
    operation_id = fields.String(required=True, allow_none=True)


class LockView(Answer):
    """The lock of a stack; without one ``locked`` is false and the rest null."""

    locked = fields.Boolean(required=True)
    holder = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    writer = fields.Nested(WriterView, required=True)


@blueprint.route("/stacks/<stack_id>/lock")
class Lock(MethodView):
    """The lock of a stack."""

    @blueprint.doc(operationId="getStackLock")
    @blueprint.response(200, LockView)
    def get(self, stack_id: str) -> Response:
        """Show who has locked a stack and why, and whether something writes to it now"""
        return _answer(stack_id)

    @blueprint.doc(operationId="lockStack")
    @blueprint.arguments(LockBody)
    @blueprint.response(200, LockView)
    def put(self, body: dict[str, Any], stack_id: str) -> Response:
        """Lock a stack: what changes it waits, plans and drift checks go on

        What runs already goes on to its end. Locking again gives another reason.
        """
        with current_context().write() as session:
            stack_locks.lock_stack(session, current_principal(), stack_id, body["reason"])
        return _answer(stack_id)

    @blueprint.doc(operationId="unlockStack")
    @blueprint.response(200, LockView)
    def delete(self, stack_id: str) -> Response:
        """Unlock a stack; another's lock needs lock:force, and both are audited"""
        version = expected_version()
        with current_context().write() as session:
            stack_locks.unlock_stack(session, current_principal(), stack_id, version)
        return _answer(stack_id)


def _answer(stack_id: str) -> Response:
    found = stack_locks.read_lock(current_context(), current_principal(), stack_id)
    return answers.single(_present(found), str(stack_locks.version_of(found.lock)))


def _present(found: LockState) -> dict[str, Any]:
    lock, writer = found.lock, found.writer
    return {
        "locked": lock is not None,
        "holder": lock.holder if lock else None,
        "reason": lock.reason if lock else None,
        "since": rfc3339(lock.since) if lock else None,
        "writer": {
            "verdict": writer.verdict.value,
            "detail": writer.detail,
            "operation_id": writer.operation.id if writer.operation else None,
        },
    }
