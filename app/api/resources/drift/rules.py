"""Ignore rules: what is known, accepted for a time, and hidden from verdict and messages."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.fields import Moment, not_blank, timestamp
from app.api.http.requests import expected_version, page_request
from app.api.http.schemas import PageQuery, Request, ResponseSchema, choices, page_of
from app.clock import rfc3339, utc_now
from app.domain.drift import ChangeKind
from app.domain.drift_rules import DEFAULT_LIFE, MAX_LIFE, MAX_PATTERN, MAX_REASON
from app.models import DriftRule
from app.services.drift import rules
from app.services.drift.rules import NewRule, RuleChange, RuleScope
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("drift-rules", "Ignore rules: drift that is known and accepted for a time")

MAX_NAME = 64
PATTERN = "`*` stands for any text, everything else is meant literally"


def reason_field(**options: Any) -> fields.String:
    """Return the field in which people say why something is hidden."""
    return not_blank(MAX_REASON, "the vendor rotates it", error="Say why.", **options)


def expiry_field(**options: Any) -> Moment:
    """Return the field for the end of a rule."""
    return Moment(
        format="iso",
        metadata={
            "description": f"{DEFAULT_LIFE.days} days from now by default, at most {MAX_LIFE.days}"
        },
        **options,
    )


def _text(limit: int, description: str = "", **options: Any) -> fields.String:
    metadata = {"description": description} if description else {}
    return fields.String(validate=validate.Length(min=1, max=limit), metadata=metadata, **options)


class RuleTerms(Request):
    """Fields of a rule that can be set when it is created and later."""

    owner = _text(MAX_NAME, "Who answers for it; the caller by default")
    expires_at = expiry_field()


class NewRuleBody(RuleTerms):
    """A new rule; each limit that is given has to fit."""

    project = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_NAME),
        metadata={"description": "id or name", "example": "default"},
    )
    reason = reason_field(required=True)
    stack = _text(MAX_NAME, "id or name")
    kind = _text(40)
    type = _text(200, "of the resource, as Terraform calls it")
    change = fields.String(validate=choices(ChangeKind))
    path = _text(MAX_PATTERN, f"Pattern for attribute paths: {PATTERN}")
    value = _text(MAX_PATTERN, f"Pattern for the present value: {PATTERN}")


class RuleChangeBody(RuleTerms):
    """Changes to a rule; a field that is left out keeps its value."""

    reason = reason_field()


class RuleQuery(PageQuery):
    """Filters of the rules."""

    project = fields.String(validate=validate.Length(max=MAX_NAME))
    expired = fields.Boolean()


class RuleView(ResponseSchema):
    """An ignore rule."""

    id = fields.String(required=True, metadata={"example": "drl_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    project_id = fields.String(required=True)
    stack_id = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, allow_none=True)
    type = fields.String(required=True, allow_none=True)
    change = fields.String(required=True, allow_none=True, validate=choices(ChangeKind))
    path = fields.String(required=True, allow_none=True)
    value = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    owner = fields.String(required=True)
    expires_at = timestamp()
    expired = fields.Boolean(required=True)
    created_by = fields.String(required=True)
    created_at = timestamp()
    updated_at = timestamp()
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.route("/drift/rules")
class Rules(MethodView):
    """All rules."""

    @blueprint.doc(operationId="listDriftRules")
    @blueprint.arguments(RuleQuery, location="query")
    @blueprint.response(200, page_of(RuleView, "DriftRulePage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List ignore rules, newest first, expired ones too"""
        page = page_request(query)
        with current_context().read() as session:
            found = rules.list_rules(
                session,
                current_principal(),
                page,
                query.get("project"),
                is_expired=query.get("expired"),
            )
            return responses.page(found, present_rule)

    @blueprint.doc(operationId="createDriftRule")
    @blueprint.arguments(NewRuleBody)
    @blueprint.response(201, RuleView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make an ignore rule; what it hides is hidden at once, and applies go on as before

        A rule with a path or a value hides updates only, and only when every attribute that
        differs fits.
        """
        scope = RuleScope(
            stack=body.get("stack"),
            kind=body.get("kind"),
            resource_type=body.get("type"),
            change=body.get("change"),
            path=body.get("path"),
            value=body.get("value"),
        )
        wanted = NewRule(
            body["project"], body["reason"], scope, body.get("owner"), body.get("expires_at")
        )

        return responses.create(lambda work: created(rules.create_rule(work, wanted)))


@blueprint.route("/drift/rules/<rule_id>")
class OneRule(MethodView):
    """One rule."""

    @blueprint.doc(operationId="getDriftRule")
    @blueprint.response(200, RuleView)
    def get(self, rule_id: str) -> Response:
        """Show an ignore rule"""
        with current_context().read() as session:
            row = rules.rule_by_id(session, current_principal(), rule_id)
            return responses.single(present_rule(row), row.version)

    @blueprint.doc(operationId="changeDriftRule")
    @blueprint.arguments(RuleChangeBody)
    @blueprint.response(200, RuleView)
    def patch(self, body: dict[str, Any], rule_id: str) -> Response:
        """Change reason, owner or expiry of an ignore rule; for another scope make another rule"""
        version = expected_version()
        with perform() as work:
            change = RuleChange(**body)
            row = rules.change_rule(work, rule_id, change, version)
            return responses.single(present_rule(row), row.version)

    @blueprint.doc(operationId="deleteDriftRule")
    @blueprint.response(204)
    def delete(self, rule_id: str) -> Response:
        """Delete an ignore rule; what it hid is seen again at once"""
        version = expected_version()
        with perform() as work:
            rules.delete_rule(work, rule_id, version)
        return Response(status=204)


def created(row: DriftRule) -> responses.Created:
    """Return the answer for a rule that was just made."""
    return responses.Created(present_rule(row), f"drift/rules/{row.id}", row.version)


def present_rule(row: DriftRule) -> dict[str, Any]:
    """Return an ignore rule."""
    return {
        "id": row.id,
        "project_id": row.project_id,
        "stack_id": row.stack_id,
        "kind": row.kind,
        "type": row.resource_type,
        "change": row.change,
        "path": row.path,
        "value": row.value,
        "reason": row.reason,
        "owner": row.owner,
        "expires_at": rfc3339(row.expires_at),
        "expired": row.expires_at <= utc_now(),
        "created_by": row.created_by,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "links": {"self": f"{PREFIX}/drift/rules/{row.id}"},
    }
