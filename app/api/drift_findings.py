"""Findings: the stories of drift, over all stacks."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api import answers, drift_views
from app.api.drift_views import FindingPage, FindingView
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import CONDITIONAL, PageQuery, choices
from app.domain.drift import ChangeKind, Severity
from app.services.drift import finding_lists
from app.services.drift.finding_lists import FindingFilter
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
