"""The shape of what a policy said about an operation."""

from __future__ import annotations

from marshmallow import fields

from app.api.http.schemas import EMPTY, ResponseSchema, choices
from app.domain.policies import Phase, PolicySeverity, Verdict


class PolicyResultView(ResponseSchema):
    """What a policy said because its rule does not hold."""

    set_id = fields.String(required=True)
    set = fields.String(required=True)
    version = fields.Integer(required=True)
    policy = fields.String(required=True)
    at = fields.String(required=True, validate=choices(Phase))
    verdict = fields.String(required=True, validate=choices(Verdict))
    message = fields.String(required=True)
    severity = fields.String(required=True, validate=choices(PolicySeverity))
    owner = fields.String(required=True)
    resources = fields.List(
        fields.String(),
        required=True,
        metadata={**EMPTY, "description": "The first addresses that it is about"},
    )
    resource_count = fields.Integer(required=True)
    broken = fields.Boolean(
        required=True,
        metadata={"description": "Whether it could not be evaluated, which counts as `deny`"},
    )
    override_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The exception that lifts a denial"},
    )
