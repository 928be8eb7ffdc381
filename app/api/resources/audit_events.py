"""The audit trail: pages of it, or all of it as NDJSON or CSV."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.views import MethodView
from marshmallow import fields, validate
from werkzeug.exceptions import NotAcceptable

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import Moment, timestamp
from app.api.http.requests import page_request
from app.api.http.schemas import PageQuery, ResponseSchema, choices, page_of
from app.domain.permissions import ActorKind
from app.models import AuditEvent
from app.services.audit_trail import trail
from app.services.audit_trail.export import FORMATS, in_batches
from app.services.audit_trail.trail import TrailFilter
from app.web.context import current_context, current_principal

blueprint = ApiBlueprint("audit-events", "Who did what to what, and when")

JSON = "application/json"
EXPORTS = {"application/x-ndjson": "ndjson", "text/csv": "csv"}
MAX_FILTER = 64
TEXTS = {media_type: {"schema": {"type": "string"}} for media_type in EXPORTS}


def _text(description: str) -> fields.String:
    return fields.String(
        validate=validate.Length(min=1, max=MAX_FILTER), metadata={"description": description}
    )


class TrailQuery(PageQuery):
    """Filters of the audit trail."""

    actor = _text("id or name of who did it")
    action = _text("such as `stack.create`")
    object_type = _text("such as `stack`")
    object_id = _text("which one")
    project = _text("id or name")
    since = Moment(metadata={"description": "from this time on"})
    until = Moment(metadata={"description": "before this time"})


class ActorView(ResponseSchema):
    """Who did it, and where the request came from."""

    id = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    kind = fields.String(required=True, validate=choices(ActorKind))
    address = fields.String(required=True, allow_none=True)


class AuditEventView(ResponseSchema):
    """One act; ``hash`` covers all the rest, and the hash of the event before."""

    sequence = fields.Integer(required=True)
    id = fields.String(required=True)
    at = timestamp()
    actor = fields.Nested(ActorView, required=True)
    action = fields.String(required=True, metadata={"example": "stack.create"})
    object_type = fields.String(required=True)
    object_id = fields.String(required=True)
    project_id = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    detail = fields.Dict(required=True)
    previous_hash = fields.String(required=True)
    hash = fields.String(required=True)


@blueprint.route("/audit-events")
class AuditEvents(MethodView):
    """The audit trail."""

    @blueprint.doc(operationId="listAuditEvents", responses={200: {"content": TEXTS}})
    @blueprint.arguments(TrailQuery, location="query")
    @blueprint.response(200, page_of(AuditEventView, "AuditEventPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List who did what, newest first; needs audit:read in a project

        With ``Accept: application/x-ndjson`` or ``text/csv`` the answer is a download of all
        events that match, oldest first, without pages. It is audited itself.
        """
        ctx, principal = current_context(), current_principal()
        page, wanted = page_request(query), TrailFilter(**query)
        accepted = request.accept_mimetypes
        media_type = accepted.best_match([JSON, *EXPORTS]) if accepted else JSON
        if media_type is None:
            raise NotAcceptable("The trail is offered as JSON, NDJSON and CSV.")
        if media_type == JSON:
            with ctx.read() as session:
                found = trail.list_events(session, principal, wanted, page)
                return responses.page(found, _present)
        name = EXPORTS[media_type]
        lines = FORMATS[name](trail.export_events(ctx, principal, wanted))
        headers = {"Content-Disposition": f'attachment; filename="audit.{name}"'}
        return Response(
            in_batches(lines), 200, headers, content_type=f"{media_type}; charset=utf-8"
        )


def _present(row: AuditEvent) -> dict[str, Any]:
    return trail.chained(row).to_dict()
