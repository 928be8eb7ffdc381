"""The caller's own sessions and password; closed to API tokens."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api import answers
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import UNCONDITIONAL, Answer, PageQuery, Request, page_of
from app.api.users import new_password
from app.clock import rfc3339
from app.domain.passwords import MAX_BYTES
from app.models import UserSession
from app.services import sessions
from app.services.sign_in import change_own_password
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("sessions", "Your sessions and password")


class PasswordBody(Request):
    """The present password, and the one that is wanted."""

    current_password = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_BYTES),
        metadata={"format": "password", "writeOnly": True},
    )
    new_password = new_password(required=True)


class SessionView(Answer):
    """One sign-in that is still good."""

    id = fields.String(required=True)
    current = fields.Boolean(required=True, metadata={"description": "the one that asks"})
    user_agent = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    renewed_at = fields.String(required=True, metadata={"format": "date-time"})
    expires_at = fields.String(required=True, metadata={"format": "date-time"})


@blueprint.route("/auth/password")
class Password(MethodView):
    """The own password."""

    @blueprint.doc(operationId="changeOwnPassword")
    @blueprint.arguments(PasswordBody)
    @blueprint.response(204)
    def post(self, body: dict[str, Any]) -> Response:
        """Change your password; your other sessions end"""
        change_own_password(
            current_context(), current_principal(), body["current_password"], body["new_password"]
        )
        return Response(status=204)


@blueprint.route("/auth/sessions")
class Sessions(MethodView):
    """All own sessions."""

    @blueprint.doc(operationId="listSessions")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(SessionView, "SessionPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List your sessions that are still good"""
        with current_context().read() as session:
            found = sessions.list_sessions(session, current_principal(), page_request(query))
            return answers.page(found, _present)

    @blueprint.doc(operationId="endAllSessions", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self) -> Response:
        """Sign out everywhere, here too"""
        with current_context().write() as session:
            sessions.end_all_sessions(session, current_principal())
        return Response(status=204)


@blueprint.route("/auth/sessions/<session_id>")
class OneSession(MethodView):
    """One own session."""

    @blueprint.doc(operationId="endSession", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, session_id: str) -> Response:
        """End one of your sessions; its tokens stop working at once"""
        with current_context().write() as session:
            sessions.end_session(session, current_principal(), session_id)
        return Response(status=204)


def _present(row: UserSession) -> dict[str, Any]:
    return {
        "id": row.id,
        "current": row.id == current_principal().session_id,
        "user_agent": row.user_agent,
        "created_at": rfc3339(row.created_at),
        "renewed_at": rfc3339(row.last_used_at),
        "expires_at": rfc3339(row.expires_at),
    }
