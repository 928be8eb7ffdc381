"""The hosts of this installation, as instances of Landform's processes."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import page_request
from app.api.http.schemas import NoBody, PageQuery, ResponseSchema, choices, page_of
from app.clock import rfc3339
from app.services.idempotency import Reply
from app.services.installation import hosts
from app.services.installation.hosts import Host, InstanceStatus
from app.web.context import current_context, current_principal

blueprint = ApiBlueprint("hosts", "Hosts of this installation")


class InstanceView(ResponseSchema):
    """The processes that were started together on one host; names of hosts may repeat."""

    id = fields.String(required=True)
    host = fields.String(required=True)
    status = fields.String(required=True, validate=choices(InstanceStatus))
    roles = fields.List(fields.String(), required=True)
    version = fields.String(required=True)
    held_operations = fields.Integer(required=True)
    started_at = fields.String(required=True, metadata={"format": "date-time"})
    heartbeat_at = fields.String(required=True, metadata={"format": "date-time"})
    gone_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    gone_by = fields.String(required=True, allow_none=True)
    draining_since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})


@blueprint.route("/instances")
class Instances(MethodView):
    """All instances of the last days."""

    @blueprint.doc(operationId="listInstances")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(InstanceView, "InstancePage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the instances of this Landform, one for each start on a host, newest first"""
        page = page_request(query)
        with current_context().read() as session:
            return responses.page(hosts.list_hosts(session, current_principal(), page), _present)


@blueprint.route("/instances/<instance_id>/gone")
class GoneInstance(MethodView):
    """The end of one instance."""

    @blueprint.doc(operationId="declareInstanceGone")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, InstanceView)
    def post(self, _body: dict[str, Any], instance_id: str) -> Response:
        """Say that a host is gone for good, so that others take over at once what it holds

        A host that still runs would go on changing the cloud unseen: its Terraform is not stopped
        by this. Make sure that it is off. One that gives signs of life is refused with 409.
        """
        return responses.perform_once(
            lambda work: Reply(200, _present(hosts.declare_gone(work, instance_id)))
        )


@blueprint.route("/instances/<instance_id>/drain")
class DrainedInstance(MethodView):
    """A host that is about to be stopped."""

    @blueprint.doc(operationId="drainInstance")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, InstanceView)
    def post(self, _body: dict[str, Any], instance_id: str) -> Response:
        """Have a host take nothing new; what it runs ends there

        `held_operations` tells how many are left. `/readyz/web` of its web processes answers 503,
        so that a load balancer sends them nothing more. A new start ends it.
        """
        return responses.perform_once(
            lambda work: Reply(200, _present(hosts.drain(work, instance_id)))
        )


@blueprint.route("/instances/<instance_id>/undrain")
class UndrainedInstance(MethodView):
    """A host that takes work again."""

    @blueprint.doc(operationId="undrainInstance")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, InstanceView)
    def post(self, _body: dict[str, Any], instance_id: str) -> Response:
        """Let a host that was drained take work again"""
        return responses.perform_once(
            lambda work: Reply(200, _present(hosts.end_drain(work, instance_id)))
        )


def _present(host: Host) -> dict[str, Any]:
    row = host.row
    return {
        "id": row.id,
        "host": row.name,
        "status": host.status.value,
        "roles": row.roles,
        "version": row.version,
        "held_operations": host.held,
        "started_at": rfc3339(row.started_at),
        "heartbeat_at": rfc3339(row.heartbeat_at),
        "gone_at": rfc3339(row.gone_at),
        "gone_by": row.gone_by,
        "draining_since": rfc3339(row.draining_since),
    }
