"""Members of a project and their roles."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import page_request
from app.api.http.schemas import (
    UNCONDITIONAL,
    PageQuery,
    Ref,
    Request,
    ResponseSchema,
    choices,
    page_of,
)
from app.domain.permissions import RIGHTS, Role
from app.models import ProjectMember
from app.services.projects import members
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("members", "Members of projects")


class MemberBody(Request):
    """The role that somebody gets."""

    role = fields.String(required=True, validate=choices(Role), metadata={"example": "operator"})


class MemberView(ResponseSchema):
    """Somebody's role in a project, and the rights that it gives."""

    user = fields.Nested(Ref, required=True)
    role = fields.String(required=True, validate=choices(Role))
    rights = fields.List(fields.String(), required=True)


@blueprint.route("/projects/<project>/members")
class Members(MethodView):
    """All members of a project."""

    @blueprint.doc(operationId="listMembers")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(MemberView, "MemberPage"))
    def get(self, query: dict[str, Any], project: str) -> Response:
        """List the members of a project; administrators of this Landform need no role"""
        with current_context().read() as session:
            found = members.list_members(session, current_principal(), project, page_request(query))
            return responses.page(found, _present)


@blueprint.route("/projects/<project>/members/<user>")
class OneMember(MethodView):
    """One member of a project."""

    @blueprint.doc(operationId="setMember")
    @blueprint.arguments(MemberBody)
    @blueprint.response(200, MemberView)
    def put(self, body: dict[str, Any], project: str, user: str) -> Response:
        """Give somebody (by id or name) a role in the project; needs member:write

        It takes the place of the role that the person had there.
        """
        role = Role(body["role"])
        with perform() as work:
            row = members.set_member(work, project, user, role)
            return responses.single(_present(row))

    @blueprint.doc(operationId="removeMember", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, project: str, user: str) -> Response:
        """Take somebody's role in the project away; needs member:write"""
        with perform() as work:
            members.remove_member(work, project, user)
        return Response(status=204)


def _present(row: ProjectMember) -> dict[str, Any]:
    return {
        "user": {"id": row.user.id, "name": row.user.name},
        "role": row.role,
        "rights": sorted(RIGHTS[Role(row.role)]),
    }
