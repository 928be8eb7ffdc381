"""State versions of a stack; the file itself needs the right ``state:read``."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api import answers, present
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import (
    CONDITIONAL,
    Answer,
    PageQuery,
    Request,
    StateVersionPage,
    StateVersionView,
)
from app.services import inventory, state_diffs, state_files
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("state-versions", "Terraform state of a stack")

CHANGES = ("created", "updated", "deleted")


class DiffQuery(Request):
    """What to compare with."""

    against = fields.Integer(
        validate=validate.Range(min=0, max=inventory.MAX_SERIAL),
        metadata={"description": "The earlier serial; by default the version kept before"},
    )


class AttributeDiffView(Answer):
    """One attribute that differs; secret values are masked."""

    path = fields.String(required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)
    sensitive = fields.Boolean(required=True)


class ResourceDiffView(Answer):
    """One resource that is in one of the two only, or differs."""

    address = fields.String(required=True)
    type = fields.String(required=True)
    name = fields.String(required=True)
    mode = fields.String(required=True, validate=validate.OneOf(["managed", "data"]))
    change = fields.String(required=True, validate=validate.OneOf(CHANGES))
    tainted = fields.Boolean(required=True)
    attributes = fields.List(fields.Nested(AttributeDiffView), required=True)


class OutputDiffView(Answer):
    """One output that differs."""

    name = fields.String(required=True)
    change = fields.String(required=True, validate=validate.OneOf(CHANGES))
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)
    sensitive = fields.Boolean(required=True)


class StateDiffView(Answer):
    """What differs between two state versions."""

    serial = fields.Integer(required=True)
    against = fields.Integer(required=True, allow_none=True)
    summary = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    resources = fields.List(fields.Nested(ResourceDiffView), required=True)
    outputs = fields.List(fields.Nested(OutputDiffView), required=True)
    truncated = fields.Boolean(required=True)


@blueprint.route("/stacks/<stack_id>/state-versions")
class StateVersions(MethodView):
    """All state versions of a stack."""

    @blueprint.doc(operationId="listStateVersions")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, StateVersionPage)
    def get(self, query: dict[str, Any], stack_id: str) -> Response:
        """List the state versions of a stack, newest first"""
        with current_context().read() as session:
            found = inventory.list_state_versions(
                session, current_principal(), stack_id, page_request(query)
            )
            return answers.page(found, present.state_version)


@blueprint.route("/stacks/<stack_id>/state-versions/<int:serial>")
class OneStateVersion(MethodView):
    """One state version."""

    @blueprint.doc(operationId="getStateVersion", **CONDITIONAL)
    @blueprint.response(200, StateVersionView)
    def get(self, stack_id: str, serial: int) -> Response:
        """Show what is known of a state version"""
        with current_context().read() as session:
            row = inventory.state_version(session, current_principal(), stack_id, serial)
            return answers.single(present.state_version(row))


@blueprint.route("/stacks/<stack_id>/state-versions/<int:serial>/diff")
class StateDiff(MethodView):
    """The difference of two state versions."""

    @blueprint.doc(operationId="diffStateVersions", **CONDITIONAL)
    @blueprint.arguments(DiffQuery, location="query")
    @blueprint.response(200, StateDiffView)
    def get(self, query: dict[str, Any], stack_id: str, serial: int) -> Response:
        """Show how the state went from the version ``against`` to this one, secrets masked"""
        found = state_diffs.compare_versions(
            current_context(), current_principal(), stack_id, serial, query.get("against")
        )
        return answers.single(found.to_dict())


@blueprint.route("/stacks/<stack_id>/state-versions/<int:serial>/download")
class StateDownload(MethodView):
    """The bytes of a state version."""

    @blueprint.doc(operationId="downloadStateVersion")
    @blueprint.response(
        200, {"type": "string", "format": "binary"}, content_type="application/json"
    )
    def get(self, stack_id: str, serial: int) -> Response:
        """Download a state file; it holds secrets, so this needs state:read and is audited"""
        ctx = current_context()
        data = state_files.download(ctx, current_principal(), stack_id, serial)
        name = f'attachment; filename="{stack_id}-{serial}.tfstate"'
        headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
        return Response(data, 200, headers, content_type="application/json")
