"""API tokens: for machines that call the API in somebody's name."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers
from app.api.json_fields import Moment
from app.api.present import PREFIX
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import (
    CONDITIONAL,
    UNCONDITIONAL,
    Answer,
    PageQuery,
    Ref,
    Request,
    choices,
    page_of,
)
from app.clock import rfc3339
from app.domain.permissions import SCOPES
from app.models import ApiToken
from app.services import api_tokens
from app.services.access import Principal
from app.services.api_tokens import NewToken, TokenStatus
from app.services.context import Context
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("tokens", "API tokens, for machines")

NOT_BLANK = r"^\s*\S"


class NewTokenBody(Request):
    """A new token: what it may do at most, where, and until when."""

    name = fields.String(
        required=True,
        validate=[
            validate.Length(max=64),
            validate.Regexp(NOT_BLANK, error="Say what the token is for."),
        ],
        metadata={"example": "deploy pipeline", "pattern": NOT_BLANK},
    )
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


class TokenView(Answer):
    """A token, without its secret; ``hint`` is how the secret ends."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    user = fields.Nested(Ref, required=True)
    hint = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    project = fields.Nested(Ref, required=True, allow_none=True)
    status = fields.String(required=True, validate=choices(TokenStatus))
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    expires_at = fields.String(required=True, metadata={"format": "date-time"})
    last_used_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class NewTokenView(TokenView):
    """A token with its secret, which is shown this once."""

    token = fields.String(required=True, metadata={"description": "send it as Bearer"})


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
            return answers.page(found, _present)

    @blueprint.doc(operationId="createToken")
    @blueprint.arguments(NewTokenBody)
    @blueprint.response(201, NewTokenView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make an API token; its secret is shown this once

        It does what you may do at that moment, and of that only what its scopes allow.
        """
        wanted = NewToken(**body | {"scopes": tuple(body["scopes"])})

        def work(session: Session, ctx: Context, principal: Principal) -> answers.Created:
            row, secret = api_tokens.create_token(ctx, session, principal, wanted)
            return answers.Created({**_present(row), "token": secret}, f"tokens/{row.id}")

        return answers.create(work)


@blueprint.route("/tokens/<token_id>")
class OneToken(MethodView):
    """One token."""

    @blueprint.doc(operationId="getToken", **CONDITIONAL)
    @blueprint.response(200, TokenView)
    def get(self, token_id: str) -> Response:
        """Show one of your API tokens; a token may look at itself"""
        with current_context().read() as session:
            row = api_tokens.token_by_id(session, current_principal(), token_id)
            return answers.single(_present(row))

    @blueprint.doc(operationId="revokeToken", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, token_id: str) -> Response:
        """Revoke an API token at once; a token may revoke itself"""
        with current_context().write() as session:
            api_tokens.revoke_token(session, current_principal(), token_id)
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
