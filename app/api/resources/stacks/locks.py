"""The lock of a stack: who keeps it from being changed, and who writes to it now."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import not_blank, timestamp
from app.api.http.requests import expected_version
from app.api.http.schemas import Request, ResponseSchema, choices
from app.clock import rfc3339
from app.services.stacks import locks
from app.services.stacks.locks import LockState, WriterVerdict
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("stack-locks", "Locks that people put on stacks")

MAX_REASON = 500


class LockBody(Request):
    """Why a stack is locked."""

    reason = not_blank(MAX_REASON, "moving it to another account", error="Say why.", required=True)


class WriterView(ResponseSchema):
    """Whether a process may be changing the stack; ``orphaned`` means that its worker is gone."""

    verdict = fields.String(required=True, validate=choices(WriterVerdict))
    detail = fields.String(required=True)
    operation_id = fields.String(required=True, allow_none=True)


class LockView(ResponseSchema):
    """The lock of a stack; without one ``locked`` is false and the rest null."""

    locked = fields.Boolean(required=True)
    holder = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    since = timestamp(allow_none=True)
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
        with perform() as work:
            locks.lock_stack(work, stack_id, body["reason"])
        return _answer(stack_id)

    @blueprint.doc(operationId="unlockStack")
    @blueprint.response(200, LockView)
    def delete(self, stack_id: str) -> Response:
        """Unlock a stack; another's lock needs lock:force, and both are audited"""
        version = expected_version()
        with perform() as work:
            locks.unlock_stack(work, stack_id, version)
        return _answer(stack_id)


def _answer(stack_id: str) -> Response:
    found = locks.read_lock(current_context(), current_principal(), stack_id)
    return responses.single(_present(found), locks.version_of(found.lock))


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
