"""Findings: the stories of drift, over all stacks."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers, drift_views
from app.api.drift_rules import RuleView, created, expiry_field, reason_field
from app.api.drift_views import FindingPage, FindingView
from app.api.requests import ApiBlueprint, page_request, request_identity
from app.api.schemas import CONDITIONAL, UNCONDITIONAL, PageQuery, Request, choices
from app.domain.drift import ChangeKind, Severity
from app.domain.drift_rules import MAX_PATTERN
from app.services.access import Principal
from app.services.context import Context
from app.services.drift import acknowledgements, finding_lists
from app.services.drift.finding_lists import FindingFilter
from app.services.idempotency import Answer as IdempotentAnswer
from app.services.idempotency import carry_out
from app.web_context import current_context, current_principal

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
    """What the caller says about it."""

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
        with current_context().read() as session:
            wanted = FindingFilter(**query)
            found = finding_lists.list_findings(session, current_principal(), wanted, asked)
            return answers.page(found, drift_views.finding)


@blueprint.route("/drift/findings/<finding_id>")
class OneFinding(MethodView):
    """One finding."""

    @blueprint.doc(operationId="getDriftFinding", **CONDITIONAL)
    @blueprint.response(200, FindingView)
    def get(self, finding_id: str) -> Response:
        """Show a finding: what differs, since when, and what hides it if something does"""
        with current_context().read() as session:
            row = finding_lists.finding_by_id(session, current_principal(), finding_id)
            return answers.single(drift_views.finding(row))


@blueprint.route("/drift/findings/<finding_id>/acknowledge")
class Acknowledgement(MethodView):
    """That somebody has seen a finding."""

    @blueprint.doc(operationId="acknowledgeDriftFinding")
    @blueprint.arguments(AcknowledgeBody, required=False)
    @blueprint.response(200, FindingView)
    def post(self, body: dict[str, Any], finding_id: str) -> Response:
        """Say that you have seen a finding; it lapses when the values change"""
        principal = current_principal()

        def work(session: Session) -> IdempotentAnswer:
            row = acknowledgements.acknowledge(session, principal, finding_id, body["note"])
            return IdempotentAnswer(200, drift_views.finding(row))

        return answers.respond(carry_out(current_context(), request_identity(), work))

    @blueprint.doc(operationId="withdrawDriftAcknowledgement", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, finding_id: str) -> Response:
        """Take the acknowledgement of a finding back"""
        with current_context().write() as session:
            acknowledgements.withdraw(session, current_principal(), finding_id)
        return Response(status=204)


@blueprint.route("/drift/findings/<finding_id>/ignore")
class Ignoring(MethodView):
    """A rule made from a finding."""

    @blueprint.doc(operationId="ignoreDriftFinding")
    @blueprint.arguments(IgnoreBody)
    @blueprint.response(201, RuleView)
    def post(self, body: dict[str, Any], finding_id: str) -> Response:
        """Make an ignore rule for what a finding shows: its stack, type, change and attributes"""

        def work(session: Session, _ctx: Context, principal: Principal) -> answers.Created:
            return created(acknowledgements.ignore(session, principal, finding_id, **body))

        return answers.create(work)
