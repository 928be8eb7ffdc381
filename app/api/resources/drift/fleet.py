"""Drift over the fleet: how many stacks, which ones, from what causes; and checks of many."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.fields import timestamp
from app.api.http.requests import page_request
from app.api.http.schemas import TRIES, PageQuery, Request, ResponseSchema, choices
from app.api.resources.drift.presenter import report_presenter
from app.api.resources.drift.schemas import DriftReportView
from app.api.resources.stacks.bodies import named_filters
from app.api.resources.stacks.presenter import present_stack
from app.api.resources.stacks.schemas import StackView
from app.clock import rfc3339
from app.domain.drift import ChangeKind, DriftStatus, Severity
from app.domain.drift_findings import cause_paths
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.causes import CauseGroup, list_causes
from app.services.drift.queries import FindingFilter
from app.services.drift.reports import latest_reports
from app.services.drift.sweep import CheckFilter, check_many
from app.services.drift.trend import TrendDay, read_trend
from app.services.idempotency import Reply
from app.services.paging import Page, PageRequest
from app.services.stacks import queries
from app.services.stacks.filters import refuse_unknown
from app.services.stacks.queries import StackFilter
from app.web.context import current_context, current_principal

blueprint = ApiBlueprint("drift", "Changes made outside Landform")


class Group(StrEnum):
    """What one item of the fleet view is about."""

    STACK = "stack"
    CAUSE = "cause"


class DriftQuery(PageQuery):
    """Filters of the fleet view."""

    status = fields.String(
        validate=choices(DriftStatus), metadata={"description": "Of the stacks; not of causes"}
    )
    project = fields.String(validate=validate.Length(max=64))
    kind = fields.String(validate=validate.Length(max=64))
    cloud = fields.String(validate=validate.Length(max=64))
    group = fields.String(
        load_default=Group.STACK.value,
        validate=choices(Group),
        metadata={"description": "One item for each stack, or for each cause of open findings"},
    )


class CauseView(ResponseSchema):
    """Findings that probably have one cause: same cloud, type, change and attributes."""

    cause = fields.String(required=True)
    cloud = fields.String(required=True)
    type = fields.String(required=True)
    change = fields.String(required=True, validate=choices(ChangeKind))
    paths = fields.List(fields.String(), required=True)
    severity = fields.String(required=True, validate=choices(Severity))
    severity_reason = fields.String(required=True)
    stacks = fields.Integer(required=True)
    findings = fields.Integer(required=True)
    first_seen_at = timestamp()
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class DriftItem(ResponseSchema):
    """A stack and its last report, or a cause."""

    stack = fields.Nested(StackView, required=True, allow_none=True)
    report = fields.Nested(DriftReportView, required=True, allow_none=True)
    cause = fields.Nested(CauseView, required=True, allow_none=True)


class TrendDayView(ResponseSchema):
    """How many stacks stood where at the end of a day (UTC); today: now."""

    day = fields.String(required=True, metadata={"format": "date"})
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class DriftPage(ResponseSchema):
    """Counts over the fleet now and in the last 30 days, and one page of stacks or causes."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    trend = fields.List(fields.Nested(TrendDayView), required=True)
    items = fields.List(fields.Nested(DriftItem), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class CheckFilterBody(Request):
    """Which stacks; without any limit all that you may have checked."""

    project = fields.String(validate=validate.Length(min=1, max=64))
    stack = fields.String(validate=validate.Length(min=1, max=64))
    kind = fields.String(validate=validate.Length(min=1, max=64))
    cloud = fields.String(validate=validate.Length(min=1, max=64))
    status = fields.String(validate=choices(DriftStatus))


class ChecksBody(Request):
    """What is to be checked."""

    filter = fields.Nested(CheckFilterBody, load_default=dict)


class SweepView(ResponseSchema):
    """How many stacks are checked as soon as there is room, and which are not."""

    due = fields.Integer(required=True)
    already_queued = fields.Integer(required=True)
    not_watched = fields.Integer(
        required=True,
        metadata={"description": "Not checked on schedule, or not now; check them one by one"},
    )


@blueprint.route("/drift")
class Drift(MethodView):
    """Drift over all stacks."""

    @blueprint.doc(operationId="listDrift")
    @blueprint.arguments(DriftQuery, location="query")
    @blueprint.response(200, DriftPage)
    def get(self, query: dict[str, Any]) -> Response:
        """Show how many stacks drifted, and what changed in each, or from which causes"""
        ctx, principal = current_context(), current_principal()
        asked, group = page_request(query), Group(query.pop("group"))
        with ctx.read() as session:
            found = queries.count_stacks(session, principal, Stack.drift_status)
            counts = {status.value: found.get(status.value, 0) for status in DriftStatus}
            trend = [_day(day) for day in read_trend(session, principal, counts)]
            list_them = _causes if group is Group.CAUSE else _stacks
            items = list_them(ctx, session, principal, query, asked)
            return responses.page(items, dict, counts=counts, trend=trend)


@blueprint.route("/drift/checks")
class Checks(MethodView):
    """Checks of many stacks."""

    @blueprint.doc(operationId="checkDrift", **TRIES)
    @blueprint.arguments(ChecksBody, required=False)
    @blueprint.response(200, SweepView)
    def post(self, body: dict[str, Any]) -> Response:
        """Queue scheduled checks of many stacks now: after what people ask for

        A check that is queued already is not queued again. One stack is checked at once with
        ``POST /stacks/{id}/operations``.
        """
        return responses.perform_once(
            lambda work: Reply(200, asdict(check_many(work, CheckFilter(**body["filter"]))))
        )


def _stacks(
    ctx: Context, session: Session, principal: Principal, query: dict[str, Any], page: PageRequest
) -> Page[dict[str, Any]]:
    wanted = StackFilter(
        drift=query.get("status"),
        project=query.get("project"),
        kind=query.get("kind"),
        cloud=query.get("cloud"),
    )
    refuse_unknown(ctx, session, principal, **named_filters(query))
    found = queries.list_stacks(session, principal, wanted, page)
    reports = latest_reports(session, list(found.items))
    show = report_presenter(session, list(reports.values()))
    items = [
        {
            "stack": present_stack(ctx, principal, row),
            "report": show(reports[row.id]) if row.id in reports else None,
            "cause": None,
        }
        for row in found.items
    ]
    return Page(items, found.next_cursor)


def _causes(
    ctx: Context, session: Session, principal: Principal, query: dict[str, Any], page: PageRequest
) -> Page[dict[str, Any]]:
    query.pop("status", None)
    refuse_unknown(ctx, session, principal, **named_filters(query))
    found = list_causes(session, principal, FindingFilter(**query, hidden=False), page)
    items = [{"stack": None, "report": None, "cause": _cause(group)} for group in found.items]
    return Page(items, found.next_cursor)


def _cause(group: CauseGroup) -> dict[str, Any]:
    row = group.example
    is_update = row.change == ChangeKind.UPDATED
    return {
        "cause": row.cause,
        "cloud": row.stack.cloud,
        "type": row.type,
        "change": row.change,
        "paths": cause_paths(item["path"] for item in row.attributes) if is_update else [],
        "severity": row.severity,
        "severity_reason": row.severity_reason,
        "stacks": group.stacks,
        "findings": group.findings,
        "first_seen_at": rfc3339(group.first_seen_at),
        "links": {"findings": f"{PREFIX}/drift/findings?cause={row.cause}"},
    }


def _day(day: TrendDay) -> dict[str, Any]:
    return {"day": day.day.isoformat(), "counts": dict(day.counts)}
