"""Users: for administrators of this Landform."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers
from app.api.json_fields import Flag
from app.api.present import PREFIX
from app.api.requests import ApiBlueprint, expected_version, page_request
from app.api.schemas import Answer, PageQuery, Request, page_of
from app.clock import rfc3339
from app.domain.names import USER_NAME_PATTERN, USER_NAME_RULE
from app.domain.passwords import MAX_BYTES, MIN_LENGTH
from app.models import User
from app.services import users
from app.services.access import Principal
from app.services.context import Context
from app.services.users import UserChange
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("users", "Users, for administrators")


def new_password(**options: Any) -> fields.String:
    """Return the field of a password that a person chooses."""
    description = f"At least {MIN_LENGTH} characters, not easy to guess, without the user name"
    return fields.String(
        validate=validate.Length(min=1, max=MAX_BYTES),
        metadata={"format": "password", "writeOnly": True, "description": description},
        **options,
    )


class NewUserBody(Request):
    """A new person."""

    name = fields.String(
        required=True,
        metadata={"pattern": USER_NAME_PATTERN, "description": USER_NAME_RULE, "example": "vera"},
    )
    password = new_password(required=True)
    is_admin = Flag(load_default=False)


class UserChangeBody(Request):
    """What is wanted otherwise; what is left out stays as it is."""

    password = new_password()
    is_admin = Flag()
    disabled = Flag()


class UserView(Answer):
    """A person."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    is_admin = fields.Boolean(required=True)
    disabled = fields.Boolean(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    disabled_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    last_sign_in_at = fields.String(
        required=True, allow_none=True, metadata={"format": "date-time"}
    )
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.route("/users")
class Users(MethodView):
    """Everybody."""

    @blueprint.doc(operationId="listUsers")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(UserView, "UserPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List everybody who can or could sign in; needs user:manage"""
        with current_context().read() as session:
            found = users.list_users(session, current_principal(), page_request(query))
            return answers.page(found, present_user)

    @blueprint.doc(operationId="createUser")
    @blueprint.arguments(NewUserBody)
    @blueprint.response(201, UserView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a person known; roles are given in projects"""
        wanted = users.draft_user(current_principal(), **body)

        def work(session: Session, _ctx: Context, principal: Principal) -> answers.Created:
            row = users.create_user(session, principal, wanted)
            return answers.Created(present_user(row), f"users/{row.id}", row.version)

        return answers.create(work)


@blueprint.route("/users/<user>")
class OneUser(MethodView):
    """One person."""

    @blueprint.doc(operationId="getUser")
    @blueprint.response(200, UserView)
    def get(self, user: str) -> Response:
        """Show a person by id or name; needs user:manage"""
        with current_context().read() as session:
            return _single(users.user_for(session, current_principal(), user))

    @blueprint.doc(operationId="changeUser")
    @blueprint.arguments(UserChangeBody)
    @blueprint.response(200, UserView)
    def patch(self, body: dict[str, Any], user: str) -> Response:
        """Make somebody an administrator or not, disable and enable, set a new password

        Disabling and a new password end the person's sessions. The last administrator stays one.
        """
        row = users.change_user(
            current_context(),
            current_principal(),
            user,
            UserChange(**body),
            expected_version=expected_version(),
        )
        return _single(row)

    @blueprint.doc(operationId="deleteUser")
    @blueprint.response(204)
    def delete(self, user: str) -> Response:
        """Delete a person: sessions, tokens and roles end at once; the name stays taken"""
        version = expected_version()
        with current_context().write() as session:
            users.delete_user(session, current_principal(), user, version)
        return Response(status=204)


def present_user(row: User) -> dict[str, Any]:
    """Return a person as the API shows one to administrators."""
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


def _single(row: User) -> Response:
    return answers.single(present_user(row), str(row.version))
