"""State versions of a stack; the file itself needs the right ``state:read``."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api import answers, present
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import CONDITIONAL, PageQuery, StateVersionPage, StateVersionView
from app.services import inventory, state_files
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("state-versions", "Terraform state of a stack")


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
