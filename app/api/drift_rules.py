"""Ignore rules: what is known, accepted for a time, and hidden from verdict and messages."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers
from app.api.json_fields import Moment
from app.api.present import PREFIX
from app.api.requests import ApiBlueprint, expected_version, page_request
from app.api.schemas import Answer, PageQuery, Request, choices, page_of
from app.clock import rfc3339, utc_now
from app.domain.drift import ChangeKind
from app.domain.drift_rules import DEFAULT_LIFE, MAX_LIFE, MAX_PATTERN, MAX_REASON
from app.models import DriftRule
from app.services.access import Principal
from app.services.context import Context
from app.services.drift import rules
from app.services.drift.rules import NewRule, RuleChange, RuleScope
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("drift-rules", "Ignore rules: drift that is known and accepted for a time")

MAX_NAME = 64
NOT_BLANK = r"^\s*\S"
PATTERN = "`*` stands for any text, everything else is meant literally"


def reason_field(**options: Any) -> fields.String:
    """Return the field in which people say why something is hidden."""
    return fields.String(
        validate=[
            validate.Length(max=MAX_REASON),
            validate.Regexp(NOT_BLANK, error="Say why."),
        ],
        metadata={"example": "the vendor rotates it", "pattern": NOT_BLANK},
        **options,
    )


def expiry_field(**options: Any) -> Moment:
    """Return the field for the end of a rule."""
    return Moment(
        format="iso",
        metadata={
            "description": f"{DEFAULT_LIFE.days} days from now unless said otherwise, at most "
            f"{MAX_LIFE.days}",
        },
        **options,
    )


def _text(limit: int, description: str = "", **options: Any) -> fields.String:
    metadata = {"description": description} if description else {}
    return fields.String(validate=validate.Length(min=1, max=limit), metadata=metadata, **options)


class RuleTerms(Request):
    """What may be said about a rule when it is made and later."""

    owner = _text(MAX_NAME, "Who answers for it; the caller unless said otherwise")
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
    """What is wanted otherwise; what is left out stays as it is."""

    reason = reason_field()


class RuleQuery(PageQuery):
    """Filters of the rules."""

    project = fields.String(validate=validate.Length(max=MAX_NAME))
    expired = fields.Boolean()


class RuleView(Answer):
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
    expires_at = fields.String(required=True, metadata={"format": "date-time"})
    expired = fields.Boolean(required=True)
    created_by = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    updated_at = fields.String(required=True, metadata={"format": "date-time"})
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
            return answers.page(found, present_rule)

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

        def work(session: Session, _ctx: Context, principal: Principal) -> answers.Created:
            return created(rules.create_rule(session, principal, wanted))

        return answers.create(work)


@blueprint.route("/drift/rules/<rule_id>")
class OneRule(MethodView):
    """One rule."""

    @blueprint.doc(operationId="getDriftRule")
    @blueprint.response(200, RuleView)
    def get(self, rule_id: str) -> Response:
        """Show an ignore rule"""
        with current_context().read() as session:
            return _single(rules.rule_by_id(session, current_principal(), rule_id))

    @blueprint.doc(operationId="changeDriftRule")
    @blueprint.arguments(RuleChangeBody)
    @blueprint.response(200, RuleView)
    def patch(self, body: dict[str, Any], rule_id: str) -> Response:
        """Change reason, owner or expiry of an ignore rule; for another scope make another rule"""
        version = expected_version()
        with current_context().write() as session:
            change = RuleChange(**body)
            row = rules.change_rule(session, current_principal(), rule_id, change, version)
            return _single(row)

    @blueprint.doc(operationId="deleteDriftRule")
    @blueprint.response(204)
    def delete(self, rule_id: str) -> Response:
        """Delete an ignore rule; what it hid is seen again at once"""
        version = expected_version()
        with current_context().write() as session:
            rules.delete_rule(session, current_principal(), rule_id, version)
        return Response(status=204)


def created(row: DriftRule) -> answers.Created:
    """Return the answer for a rule that was just made."""
    return answers.Created(present_rule(row), f"drift/rules/{row.id}", row.version)


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


def _single(row: DriftRule) -> Response:
    return answers.single(present_rule(row), str(row.version))
