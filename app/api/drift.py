"""Drift over the fleet."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from app.api import answers, drift_views, present
from app.api.drift_views import DriftReportView
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import Answer, PageQuery, StackView, choices
from app.domain.drift import DriftStatus
from app.models import Stack
from app.services import inventory
from app.services.inventory import StackFilter
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("drift", "Changes made outside Landform")


class DriftQuery(PageQuery):
    """Filters of the drift list."""

    status = fields.String(validate=choices(DriftStatus))


class DriftItem(Answer):
    """A stack and its last report."""

    stack = fields.Nested(StackView, required=True)
    report = fields.Nested(DriftReportView, required=True, allow_none=True)


class DriftPage(Answer):
    """Counts over the fleet, and one page of stacks."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    items = fields.List(fields.Nested(DriftItem), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blueprint.route("/drift")
class Drift(MethodView):
    """Drift over all stacks."""

    @blueprint.doc(operationId="listDrift")
    @blueprint.arguments(DriftQuery, location="query")
    @blueprint.response(200, DriftPage)
    def get(self, query: dict[str, Any]) -> Response:
        """Show how many stacks drifted, and what changed in each"""
        ctx, principal = current_context(), current_principal()
        asked = page_request(query)
        with ctx.read() as session:
            wanted = StackFilter(drift=query.get("status"))
            found = inventory.list_stacks(session, principal, wanted, asked)
            reports = inventory.latest_reports(session, list(found.items))
            show = drift_views.reports(session, list(reports.values()))
            counts = inventory.count_stacks(session, principal, Stack.drift_status)

            def item(row: Stack) -> dict[str, Any]:
                report = reports.get(row.id)
                return {
                    "stack": present.stack(ctx, principal, row),
                    "report": show(report) if report else None,
                }

            all_counts = {status.value: counts.get(status.value, 0) for status in DriftStatus}
            return answers.page(found, item, counts=all_counts)
