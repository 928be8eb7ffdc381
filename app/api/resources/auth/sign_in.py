"""Sign in, renew, sign out, and who am I."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Response, g, jsonify, request
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http.blueprint import ApiBlueprint
from app.api.http.responses import single
from app.api.http.schemas import CONDITIONAL, NoBody, Request, ResponseSchema
from app.api.resources.auth.fields import TotpField
from app.clock import rfc3339
from app.domain.permissions import Right, ServiceRight
from app.services.identity import sessions
from app.services.identity.sessions import OpenedSession
from app.services.identity.sign_in import Visitor, answer_challenge, sign_in
from app.web.authentication import (
    authenticate,
    issue_access_token,
    issue_refresh_token,
    read_refresh_token,
)
from app.web.context import current_context, current_principal
from app.web.extensions import limiter

blueprint = ApiBlueprint("auth", "Sign in and out", is_open=True)


class LoginBody(Request):
    """Name and password, and a code where there is a second factor."""

    username = fields.String(required=True, validate=validate.Length(min=1, max=64))
    password = fields.String(
        required=True,
        validate=validate.Length(min=1, max=1024),
        metadata={"format": "password", "writeOnly": True},
    )
    totp = TotpField()


class ChallengeBody(Request):
    """The challenge of the error ``totp_required``, and the code."""

    challenge = fields.String(required=True, validate=validate.Length(min=1, max=1024))
    totp = TotpField(required=True)


class TokensView(ResponseSchema):
    """The tokens of a session."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True, metadata={"example": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})


class MeView(ResponseSchema):
    """The caller."""

    id = fields.String(required=True)
    username = fields.String(required=True)
    is_admin = fields.Boolean(required=True)
    roles = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    rights = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "rights by project id"},
    )
    service_rights = fields.List(
        fields.String(), required=True, metadata={"description": "rights on the whole Landform"}
    )
    session_id = fields.String(required=True, allow_none=True)
    token_id = fields.String(
        required=True, allow_none=True, metadata={"description": "the API token that asks"}
    )
    confirmed_until = fields.String(
        required=True,
        allow_none=True,
        metadata={"format": "date-time", "description": "see POST /auth/confirm"},
    )


def login_rate() -> str:
    """Return the limit of sign-ins from one address."""
    return current_context().settings.login_rate


@blueprint.route("/auth/login")
class Login(MethodView):
    """Sign in."""

    decorators: ClassVar = [limiter.limit(login_rate)]

    @blueprint.doc(operationId="login", security=[])
    @blueprint.arguments(LoginBody)
    @blueprint.response(200, TokensView)
    def post(self, body: dict[str, Any]) -> Response:
        """Exchange name and password for an access and a refresh token

        Where there is a second factor, send its code as ``totp``, or answer the challenge of the
        error ``totp_required`` at ``/auth/login/totp``.
        """
        opened = sign_in(
            current_context(), body["username"], body["password"], _visitor(), body.get("totp")
        )
        return _tokens(opened)


@blueprint.route("/auth/login/totp")
class LoginWithCode(MethodView):
    """The second step of signing in."""

    decorators: ClassVar = [limiter.limit(login_rate)]

    @blueprint.doc(operationId="answerChallenge", security=[])
    @blueprint.arguments(ChallengeBody)
    @blueprint.response(200, TokensView)
    def post(self, body: dict[str, Any]) -> Response:
        """Exchange a challenge and a code of the second factor for tokens"""
        opened = answer_challenge(current_context(), body["challenge"], body["totp"], _visitor())
        return _tokens(opened)


@blueprint.route("/auth/refresh")
class Refresh(MethodView):
    """The renewal of tokens."""

    @blueprint.doc(operationId="refreshTokens")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, TokensView)
    def post(self, _body: dict[str, Any]) -> Response:
        """Exchange the refresh token (as Bearer) for new tokens; the old one is void

        Using an old refresh token again ends the session, since somebody has a copy of it.
        """
        session_id, member = read_refresh_token()
        return _tokens(sessions.rotate(current_context(), session_id, member))


@blueprint.route("/auth/logout")
class Logout(MethodView):
    """Sign out."""

    @blueprint.doc(operationId="logout")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(204)
    def post(self, _body: dict[str, Any]) -> Response:
        """End the session; its tokens stop working at once"""
        sessions.sign_out(current_context(), authenticate("headers"))
        return Response(status=204)


@blueprint.route("/auth/me")
class Me(MethodView):
    """Who am I."""

    @blueprint.doc(operationId="getMe", **CONDITIONAL)
    @blueprint.response(200, MeView)
    def get(self) -> Response:
        """Show the caller with its roles and rights by project"""
        authenticate("headers")
        principal = current_principal()
        return single(
            {
                "id": principal.id,
                "username": principal.name,
                "is_admin": principal.is_admin,
                "roles": {project: role.value for project, role in principal.roles.items()},
                "rights": {
                    project: sorted(right for right in Right if principal.has(right, project))
                    for project in principal.roles
                },
                "service_rights": sorted(right for right in ServiceRight if principal.may(right)),
                "session_id": principal.session_id,
                "token_id": principal.token_id,
                "confirmed_until": rfc3339(principal.confirmed_until),
            }
        )


def _visitor() -> Visitor:
    return Visitor(request.remote_addr, request.user_agent.string, g.request_id)


def _tokens(opened: OpenedSession) -> Response:
    settings = current_context().settings
    return jsonify(
        access_token=issue_access_token(opened),
        refresh_token=issue_refresh_token(opened),
        token_type="Bearer",  # noqa: S106  # the name of a scheme (RFC 6750), no secret
        expires_in=settings.access_token_seconds,
    )
