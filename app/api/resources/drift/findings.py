"""Findings: what differs outside Landform, over all stacks."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import page_request
from app.api.http.schemas import CONDITIONAL, UNCONDITIONAL, PageQuery, Request, choices
from app.api.resources.drift.presenter import present_finding
from app.api.resources.drift.rules import RuleView, created, expiry_field, reason_field
from app.api.resources.drift.schemas import FindingPage, FindingView
from app.api.resources.stacks.bodies import named_filters
from app.domain.drift import ChangeKind, Severity
from app.domain.drift_rules import MAX_PATTERN
from app.services.drift import acknowledgements, queries
from app.services.drift.queries import FindingFilter
from app.services.idempotency import Reply
from app.services.stacks.filters import refuse_unknown, stack_ids
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("drift-findings", "What was changed outside Landform, as stories")


class FindingQuery(PageQuery):
    """Filters of the findings."""

    project = fields.String(validate=validate.Length(max=64))
    stack = fields.String(validate=validate.Length(max=64))
    kind = fields.String(validate=validate.Length(max=64))
    cloud = fields.String(validate=validate.Length(max=64))
    resource_type = fields.String(data_key="type", validate=validate.Length(max=200))
    change = fields.String(validate=choices(ChangeKind))
    severity = fields.String(validate=choices(Severity))
    cause = fields.String(validate=validate.Length(max=64))
    gone = fields.Boolean(
        load_default=False, metadata={"description": "Those that are over, instead of the open"}
    )
    hidden = fields.Boolean(metadata={"description": "Only those that a rule hides, or does not"})
    acknowledged = fields.Boolean()


class AcknowledgeBody(Request):
    """The note of an acknowledgement."""

    note = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(min=1, max=500)
    )


class IgnoreBody(Request):
    """Why a finding is to be hidden, and until when."""

    reason = reason_field(required=True)
    path = fields.String(
        validate=validate.Length(min=1, max=MAX_PATTERN),
        metadata={"description": "Pattern for attribute paths, when what was found is too narrow"},
    )
    expires_at = expiry_field()


@blueprint.route("/drift/findings")
class Findings(MethodView):
    """All findings."""

    @blueprint.doc(operationId="listDriftFindings")
    @blueprint.arguments(FindingQuery, location="query")
    @blueprint.response(200, FindingPage)
    def get(self, query: dict[str, Any]) -> Response:
        """List what was changed outside, newest first

        What comes and goes is one finding: ``returns`` says how often it came back.
        """
        asked = page_request(query)
        ctx, principal = current_context(), current_principal()
        with ctx.read() as session:
            refuse_unknown(ctx, session, principal, **named_filters(query))
            stacks = stack_ids(session, principal, query.pop("stack", None))
            wanted = FindingFilter(**query, stack=stacks)
            found = queries.list_findings(session, principal, wanted, asked)
            return responses.page(found, present_finding)


@blueprint.route("/drift/findings/<finding_id>")
class OneFinding(MethodView):
    """One finding."""

    @blueprint.doc(operationId="getDriftFinding", **CONDITIONAL)
    @blueprint.response(200, FindingView)
    def get(self, finding_id: str) -> Response:
        """Show a finding: what differs, since when, and what hides it if something does"""
        with current_context().read() as session:
            row = queries.finding_by_id(session, current_principal(), finding_id)
            return responses.single(present_finding(row))


@blueprint.route("/drift/findings/<finding_id>/acknowledge")
class Acknowledgement(MethodView):
    """The acknowledgement of a finding."""

    @blueprint.doc(operationId="acknowledgeDriftFinding")
    @blueprint.arguments(AcknowledgeBody, required=False)
    @blueprint.response(200, FindingView)
    def post(self, body: dict[str, Any], finding_id: str) -> Response:
        """Say that you have seen a finding; it lapses when the values change"""

        def act(work: Work) -> Reply:
            row = acknowledgements.acknowledge(work, finding_id, body["note"])
            return Reply(200, present_finding(row))

        return responses.perform_once(act)

    @blueprint.doc(operationId="withdrawDriftAcknowledgement", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, finding_id: str) -> Response:
        """Take the acknowledgement of a finding back"""
        with perform() as work:
            acknowledgements.withdraw(work, finding_id)
        return Response(status=204)


@blueprint.route("/drift/findings/<finding_id>/ignore")
class Ignoring(MethodView):
    """A rule made from a finding."""

    @blueprint.doc(operationId="ignoreDriftFinding")
    @blueprint.arguments(IgnoreBody)
    @blueprint.response(201, RuleView)
    def post(self, body: dict[str, Any], finding_id: str) -> Response:
        """Make an ignore rule for what a finding shows: its stack, type, change and attributes"""
        return responses.create(
            lambda work: created(acknowledgements.ignore(work, finding_id, **body))
        )
