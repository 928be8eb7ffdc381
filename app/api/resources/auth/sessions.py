"""The caller's own sessions and password; closed to API tokens."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import timestamp
from app.api.http.requests import page_request
from app.api.http.schemas import UNCONDITIONAL, PageQuery, Request, ResponseSchema, page_of
from app.api.resources.auth.fields import new_password
from app.clock import rfc3339
from app.domain.password_rules import MAX_BYTES
from app.models import UserSession
from app.services.identity import sessions
from app.services.identity.sign_in import change_own_password
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("sessions", "Your sessions and password")


class PasswordBody(Request):
    """The present password and the new one."""

    current_password = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_BYTES),
        metadata={"format": "password", "writeOnly": True},
    )
    new_password = new_password(required=True)


class SessionView(ResponseSchema):
    """One sign-in that is still good."""

    id = fields.String(required=True)
    current = fields.Boolean(required=True, metadata={"description": "the one that asks"})
    user_agent = fields.String(required=True)
    created_at = timestamp()
    renewed_at = timestamp()
    expires_at = timestamp()


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
            return responses.page(found, _present)

    @blueprint.doc(operationId="endAllSessions", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self) -> Response:
        """Sign out everywhere, here too"""
        with perform() as work:
            sessions.end_all_sessions(work)
        return Response(status=204)


@blueprint.route("/auth/sessions/<session_id>")
class OneSession(MethodView):
    """One own session."""

    @blueprint.doc(operationId="endSession", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, session_id: str) -> Response:
        """End one of your sessions; its tokens stop working at once"""
        with perform() as work:
            sessions.end_session(work, session_id)
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
