"""State versions of a stack; the file itself needs the right ``state:read``."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.views import MethodView
from marshmallow import fields, validate
from werkzeug.exceptions import UnsupportedMediaType

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import timestamp
from app.api.http.requests import page_request
from app.api.http.schemas import CONDITIONAL, HOLDS, PageQuery, Request, ResponseSchema, page_of
from app.api.resources.stacks.answers import accept
from app.api.resources.stacks.schemas import AcceptedView
from app.clock import rfc3339
from app.models import StateVersion
from app.services.state import diff, download, upload, versions
from app.web.context import current_context, current_principal
from app.web.request_limits import MAX_STATE_BYTES

blueprint = ApiBlueprint("state-versions", "Terraform state of a stack")

CHANGES = ("created", "updated", "deleted")


class DiffQuery(Request):
    """What to compare with."""

    against = fields.Integer(
        validate=validate.Range(min=0, max=versions.MAX_SERIAL),
        metadata={"description": "The earlier serial; by default the version kept before"},
    )


class StateVersionView(ResponseSchema):
    """A state version."""

    serial = fields.Integer(required=True)
    lineage = fields.String(required=True)
    sha256 = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    terraform_version = fields.String(required=True)
    operation_id = fields.String(required=True)
    created_at = timestamp()
    created_by = fields.String(required=True)


StateVersionPage = page_of(StateVersionView, "StateVersionPage")


class AttributeDiffView(ResponseSchema):
    """One attribute that differs; secret values are masked."""

    path = fields.String(required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)
    sensitive = fields.Boolean(required=True)


class ResourceDiffView(ResponseSchema):
    """One resource that is in one of the two only, or differs."""

    address = fields.String(required=True)
    type = fields.String(required=True)
    name = fields.String(required=True)
    mode = fields.String(required=True, validate=validate.OneOf(["managed", "data"]))
    change = fields.String(required=True, validate=validate.OneOf(CHANGES))
    tainted = fields.Boolean(required=True)
    attributes = fields.List(fields.Nested(AttributeDiffView), required=True)


class OutputDiffView(ResponseSchema):
    """One output that differs."""

    name = fields.String(required=True)
    change = fields.String(required=True, validate=validate.OneOf(CHANGES))
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)
    sensitive = fields.Boolean(required=True)


class StateDiffView(ResponseSchema):
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
            found = versions.list_state_versions(
                session, current_principal(), stack_id, page_request(query)
            )
            return responses.page(found, _present)


@blueprint.route("/stacks/<stack_id>/state-versions/<int:serial>")
class OneStateVersion(MethodView):
    """One state version."""

    @blueprint.doc(operationId="getStateVersion", **CONDITIONAL)
    @blueprint.response(200, StateVersionView)
    def get(self, stack_id: str, serial: int) -> Response:
        """Show what is known of a state version"""
        with current_context().read() as session:
            row = versions.state_version(session, current_principal(), stack_id, serial)
            return responses.single(_present(row))


@blueprint.route("/stacks/<stack_id>/state-versions/<int:serial>/diff")
class StateDiff(MethodView):
    """The difference of two state versions."""

    @blueprint.doc(operationId="diffStateVersions", **CONDITIONAL)
    @blueprint.arguments(DiffQuery, location="query")
    @blueprint.response(200, StateDiffView)
    def get(self, query: dict[str, Any], stack_id: str, serial: int) -> Response:
        """Show how the state went from the version ``against`` to this one, secrets masked"""
        found = diff.compare_versions(
            current_context(), current_principal(), stack_id, serial, query.get("against")
        )
        return responses.single(found.to_dict())


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
        data = download.download(ctx, current_principal(), stack_id, serial)
        name = f'attachment; filename="{stack_id}-{serial}.tfstate"'
        headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
        return Response(data, 200, headers, content_type="application/json")


@blueprint.route("/stacks/<stack_id>/state")
class State(MethodView):
    """The present state of a stack."""

    @blueprint.doc(
        operationId="uploadState",
        requestBody={
            "required": True,
            "description": "The bytes of a Terraform state file of version 4, at most 16 MiB",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **HOLDS,
    )
    @blueprint.response(202, AcceptedView)
    def put(self, stack_id: str) -> Response:
        """Upload the state of what exists already, so that the stack adopts it

        Needs state:write. The stack has no state yet, or one of the same lineage and a lower
        serial. A plan is queued that shows what the state means; it is never applied by itself.
        """
        request.max_content_length = MAX_STATE_BYTES
        data = request.get_data(cache=True)
        if data and not request.is_json:
            raise UnsupportedMediaType("The body must be application/json.")

        examined = responses.examine_first(
            lambda: upload.examine_upload(current_context(), current_principal(), stack_id, data)
        )

        return accept(lambda work: upload.upload_state(work, examined()))


def _present(row: StateVersion) -> dict[str, Any]:
    """Return what is known of a state version, without its bytes."""
    return {
        "serial": row.serial,
        "lineage": row.lineage,
        "sha256": row.sha256,
        "size_bytes": row.size_bytes,
        "terraform_version": row.terraform_version,
        "operation_id": row.operation_id,
        "created_at": rfc3339(row.created_at),
        "created_by": row.created_by,
    }
