"""API tokens: for machines that call the API in somebody's name."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.fields import Moment, Omitted, not_blank, timestamp
from app.api.http.requests import page_request
from app.api.http.schemas import (
    CONDITIONAL,
    UNCONDITIONAL,
    PageQuery,
    Ref,
    Request,
    ResponseSchema,
    choices,
    page_of,
)
from app.clock import rfc3339
from app.domain.permissions import SCOPES
from app.models import ApiToken
from app.services.identity import api_tokens
from app.services.identity.api_tokens import NewToken, TokenStatus
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("tokens", "API tokens, for machines")


class NewTokenBody(Request):
    """A new token: what it may do at most, where, and until when."""

    name = not_blank(64, "deploy pipeline", error="Say what the token is for.", required=True)
    scopes = fields.List(
        fields.String(validate=validate.OneOf(sorted(SCOPES))),
        required=True,
        validate=validate.Length(min=1, max=len(SCOPES)),
        metadata={"example": ["stack:read"]},
    )
    project = fields.String(
        validate=validate.Length(max=64),
        metadata={"description": "id or name of the only project in which it is good"},
    )
    expires_at = Moment(
        format="iso", metadata={"description": "by default LANDFORM_API_TOKEN_SECONDS from now"}
    )


class TokenQuery(PageQuery):
    """Whose tokens are wanted."""

    user = fields.String(
        load_default=None,
        validate=validate.Length(max=64),
        metadata={"description": "id or name of somebody else; needs user:manage"},
    )


class TokenView(ResponseSchema):
    """A token, without its secret; ``hint`` is how the secret ends."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    user = fields.Nested(Ref, required=True)
    hint = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    project = fields.Nested(Ref, required=True, allow_none=True)
    status = fields.String(required=True, validate=choices(TokenStatus))
    created_at = timestamp()
    expires_at = timestamp()
    last_used_at = timestamp(allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class NewTokenView(TokenView):
    """A token with its secret, which is shown this once."""

    token = fields.String(
        metadata={"description": "send it as Bearer; not in a replay for its Idempotency-Key"}
    )
    omitted = Omitted()


@blueprint.route("/tokens")
class Tokens(MethodView):
    """All own tokens."""

    @blueprint.doc(operationId="listTokens")
    @blueprint.arguments(TokenQuery, location="query")
    @blueprint.response(200, page_of(TokenView, "TokenPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List your API tokens that are not revoked"""
        user, page = query.pop("user"), page_request(query)
        with current_context().read() as session:
            found = api_tokens.list_tokens(session, current_principal(), user, page)
            return responses.page(found, _present)

    @blueprint.doc(operationId="createToken")
    @blueprint.arguments(NewTokenBody)
    @blueprint.response(201, NewTokenView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make an API token; its secret is shown this once

        It does what you may do at that moment, and of that only what its scopes allow.
        """
        wanted = NewToken(**body | {"scopes": tuple(body["scopes"])})

        def act(work: Work) -> responses.Created:
            row, secret = api_tokens.create_token(work, wanted)
            body = {**_present(row), "token": secret}
            return responses.Created(body, f"tokens/{row.id}", shown_once=("token",))

        return responses.create(act)


@blueprint.route("/tokens/<token_id>")
class OneToken(MethodView):
    """One token."""

    @blueprint.doc(operationId="getToken", **CONDITIONAL)
    @blueprint.response(200, TokenView)
    def get(self, token_id: str) -> Response:
        """Show one of your API tokens; a token may look at itself"""
        with current_context().read() as session:
            row = api_tokens.token_by_id(session, current_principal(), token_id)
            return responses.single(_present(row))

    @blueprint.doc(operationId="revokeToken", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, token_id: str) -> Response:
        """Revoke an API token at once; a token may revoke itself"""
        with perform() as work:
            api_tokens.revoke_token(work, token_id)
        return Response(status=204)


def _present(row: ApiToken) -> dict[str, Any]:
    project = row.project
    return {
        "id": row.id,
        "name": row.name,
        "user": {"id": row.user.id, "name": row.user.name},
        "hint": row.hint,
        "scopes": row.scopes,
        "project": {"id": project.id, "name": project.name} if project else None,
        "status": api_tokens.status_of(row).value,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
        "last_used_at": rfc3339(row.last_used_at),
        "links": {"self": f"{PREFIX}/tokens/{row.id}"},
    }
