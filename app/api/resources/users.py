"""Users: for administrators of this Landform."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.fields import Flag, timestamp
from app.api.http.requests import expected_version, page_request
from app.api.http.schemas import UNCONDITIONAL, PageQuery, Request, ResponseSchema, page_of
from app.api.resources.auth.fields import new_password
from app.clock import rfc3339
from app.domain.names import USER_NAME_PATTERN, USER_NAME_RULE
from app.models import User
from app.services.identity import second_factors, users
from app.services.identity.users import UserChange
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("users", "Users, for administrators")


class NewUserBody(Request):
    """A new user."""

    name = fields.String(
        required=True,
        metadata={"pattern": USER_NAME_PATTERN, "description": USER_NAME_RULE, "example": "vera"},
    )
    password = new_password()
    is_admin = Flag(load_default=False)


class UserChangeBody(Request):
    """Changes to a user; a field that is left out keeps its value."""

    password = new_password()
    is_admin = Flag()
    disabled = Flag()


class UserView(ResponseSchema):
    """A user."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    is_admin = fields.Boolean(required=True)
    disabled = fields.Boolean(required=True)
    created_at = timestamp()
    disabled_at = timestamp(allow_none=True)
    last_sign_in_at = timestamp(allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.route("/users")
class Users(MethodView):
    """All users."""

    @blueprint.doc(operationId="listUsers")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(UserView, "UserPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List everybody who can or could sign in; needs user:manage"""
        with current_context().read() as session:
            found = users.list_users(session, current_principal(), page_request(query))
            return responses.page(found, present_user)

    @blueprint.doc(operationId="createUser")
    @blueprint.arguments(NewUserBody)
    @blueprint.response(201, UserView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a person known; roles are given in projects

        A password or administration takes a confirmed session; without a password nobody signs in
        as the person until somebody sets one.
        """
        wanted = users.draft_user(current_principal(), **body)

        def act(work: Work) -> responses.Created:
            row = users.create_user(work, wanted)
            return responses.Created(present_user(row), f"users/{row.id}", row.version)

        return responses.create(act)


@blueprint.route("/users/<user>")
class OneUser(MethodView):
    """One user."""

    @blueprint.doc(operationId="getUser")
    @blueprint.response(200, UserView)
    def get(self, user: str) -> Response:
        """Show a person by id or name; needs user:manage"""
        with current_context().read() as session:
            row = users.user_for(session, current_principal(), user)
            return responses.single(present_user(row), row.version)

    @blueprint.doc(operationId="changeUser")
    @blueprint.arguments(UserChangeBody)
    @blueprint.response(200, UserView)
    def patch(self, body: dict[str, Any], user: str) -> Response:
        """Make somebody an administrator or not, disable and enable, set a new password

        Disabling and a new password end the person's sessions and API tokens. The last
        administrator stays one. Passwords and administrators take a confirmed session.
        """
        row = users.change_user(
            current_context(),
            current_principal(),
            user,
            UserChange(**body),
            expected_version=expected_version(),
        )
        return responses.single(present_user(row), row.version)

    @blueprint.doc(operationId="deleteUser")
    @blueprint.response(204)
    def delete(self, user: str) -> Response:
        """Delete a person: sessions, tokens and roles end at once; the name stays taken"""
        version = expected_version()
        with perform() as work:
            users.delete_user(work, user, version)
        return Response(status=204)


@blueprint.route("/users/<user>/second-factor")
class SecondFactorOfUser(MethodView):
    """The second factor of a user."""

    @blueprint.doc(operationId="resetSecondFactor", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, user: str) -> Response:
        """Take the second factor of somebody away who has lost it; the person's sessions end

        Needs user:manage and a confirmed session.
        """
        with perform() as work:
            second_factors.reset_of(work, user)
        return Response(status=204)


def present_user(row: User) -> dict[str, Any]:
    """Return a user as the API shows it to administrators."""
    return {
        "id": row.id,
        "name": row.name,
        "is_admin": row.is_admin,
        "disabled": row.disabled_at is not None,
        "created_at": rfc3339(row.created_at),
        "disabled_at": rfc3339(row.disabled_at),
        "last_sign_in_at": rfc3339(row.last_sign_in_at),
        "links": {"self": f"{PREFIX}/users/{row.id}"},
    }
