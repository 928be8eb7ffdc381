"""Shapes of policy sets, of what they say, and of exceptions."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.api.http.fields import Flag, Moment, not_blank, timestamp
from app.api.http.schemas import EMPTY, PageQuery, Ref, Request, ResponseSchema, choices
from app.api.resources.operations.policy_schemas import PolicyResultView
from app.domain.policies import Expectation, Phase, PolicySeverity, Verdict
from app.domain.policy_reading import MAX_POLICIES, MAX_RULE, MAX_TEXT
from app.services.policies.history import MAX_DAYS

MAX_NAME = 40
RULE = {
    "description": "CEL; true where all is well. See docs/policies.md for what it may name",
    "example": "stack.region in ['eu-west']",
}
EXAMPLE = {
    "name": "regions",
    "at": ["request", "plan"],
    "rule": "stack.region in ['eu-west']",
    "verdict": "deny",
    "message": "{stack.region} is not one of our regions.",
}
GIVEN = {"description": "Facts by name", "example": {"stack.region": "us-east"}}


class PolicyScopeBody(Request):
    """Which stacks a policy is about; what is empty or left out does not limit."""

    kinds = fields.List(fields.String(), metadata={"example": ["bucket"]})
    clouds = fields.List(fields.String(), metadata={"example": ["sandbox"]})
    projects = fields.List(fields.String(), metadata={"description": "names"})
    labels = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "All of them must be there; `*` stands for any value"},
    )


class PolicyTestBody(Request):
    """A test case, run whenever the set is saved."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=MAX_TEXT))
    at = fields.String(required=True, validate=choices(Phase))
    expect = fields.String(required=True, validate=choices(Expectation))
    given = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True), metadata=GIVEN)


class PolicyBody(Request):
    """A policy."""

    name = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_NAME),
        metadata={"example": "regions"},
    )
    when = fields.Nested(PolicyScopeBody)
    at = fields.List(
        fields.String(validate=choices(Phase)),
        required=True,
        validate=validate.Length(min=1, max=len(Phase)),
        metadata={"example": ["request", "plan"]},
    )
    rule = fields.String(
        required=True, validate=validate.Length(min=1, max=MAX_RULE), metadata=RULE
    )
    verdict = fields.String(required=True, validate=choices(Verdict))
    message = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_TEXT),
        metadata={
            "description": "`{stack.region}` stands for the value of that fact",
            "example": "{stack.region} is not one of our regions.",
        },
    )
    owner = fields.String(validate=validate.Length(max=MAX_TEXT))
    severity = fields.String(validate=choices(PolicySeverity))
    tests = fields.List(fields.Nested(PolicyTestBody))


def _policies(**options: Any) -> Any:
    return fields.List(
        fields.Nested(PolicyBody),
        validate=validate.Length(max=MAX_POLICIES),
        metadata={"example": [EXAMPLE]},
        **options,
    )


def _name(**options: Any) -> fields.String:
    return not_blank(MAX_NAME, "basics", error="Give a name.", **options)


class NewPolicySetBody(Request):
    """A new set of policies."""

    name = _name(required=True)
    description = fields.String(validate=validate.Length(max=MAX_TEXT), load_default="")
    enabled = Flag(load_default=False)
    policies = _policies(required=True)


class PolicySetChangeBody(Request):
    """Changes to a set; a field that is left out keeps its value."""

    name = _name()
    description = fields.String(validate=validate.Length(max=MAX_TEXT))
    enabled = Flag()
    policies = _policies()


class PolicyCheckBody(Request):
    """Policies to check; nothing is kept."""

    policies = _policies(required=True)


class DryRunBody(Request):
    """How far to look back."""

    days = fields.Integer(
        load_default=30, strict=True, validate=validate.Range(1, MAX_DAYS), metadata={"example": 30}
    )


class PolicySetQuery(PageQuery):
    """Filters of the sets."""


class PolicyScopeView(ResponseSchema):
    """Which stacks a policy is about."""

    kinds = fields.List(fields.String(), required=True, metadata=EMPTY)
    clouds = fields.List(fields.String(), required=True, metadata=EMPTY)
    projects = fields.List(fields.String(), required=True, metadata=EMPTY)
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class PolicyTestView(ResponseSchema):
    """A test case."""

    name = fields.String(required=True)
    at = fields.String(required=True, validate=choices(Phase))
    expect = fields.String(required=True, validate=choices(Expectation))
    given = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True), required=True)


class PolicyView(ResponseSchema):
    """A policy."""

    name = fields.String(required=True)
    when = fields.Nested(PolicyScopeView, required=True)
    at = fields.List(fields.String(validate=choices(Phase)), required=True)
    rule = fields.String(required=True, metadata=RULE)
    verdict = fields.String(required=True, validate=choices(Verdict))
    message = fields.String(required=True)
    owner = fields.String(required=True)
    severity = fields.String(required=True, validate=choices(PolicySeverity))
    tests = fields.List(fields.Nested(PolicyTestView), required=True, metadata=EMPTY)


class PolicySetView(ResponseSchema):
    """A set of policies; those about projects that you cannot see are left out."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    version = fields.Integer(required=True)
    policies = fields.List(fields.Nested(PolicyView), required=True, metadata=EMPTY)
    created_by = fields.String(required=True)
    created_at = timestamp()
    updated_by = fields.String(required=True)
    updated_at = timestamp()
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class PolicySetVersionView(ResponseSchema):
    """A set as it was at one version."""

    version = fields.Integer(required=True)
    enabled = fields.Boolean(required=True)
    policies = fields.List(fields.Nested(PolicyView), required=True, metadata=EMPTY)
    saved_by = fields.String(required=True)
    saved_at = timestamp()


class PolicyTestOutcome(ResponseSchema):
    """What a test case came to."""

    policy = fields.String(required=True)
    test = fields.String(required=True)
    passed = fields.Boolean(required=True)
    expected = fields.String(required=True, validate=choices(Expectation))
    found = fields.String(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)


class PolicyCheckView(ResponseSchema):
    """What the test cases of policies came to; `passed` is whether all of them did."""

    passed = fields.Boolean(required=True)
    tests = fields.List(fields.Nested(PolicyTestOutcome), required=True, metadata=EMPTY)


class PastOperationView(ResponseSchema):
    """What a set would have said of a past operation."""

    operation_id = fields.String(required=True)
    stack = fields.Nested(Ref, required=True)
    type = fields.String(required=True)
    created_at = timestamp()
    verdict = fields.String(required=True, validate=choices(Verdict))
    results = fields.List(fields.Nested(PolicyResultView), required=True)


class DryRunView(ResponseSchema):
    """What a set would have said; silent operations are counted only."""

    examined = fields.Integer(required=True)
    is_cut = fields.Boolean(
        required=True, metadata={"description": "Whether there were more than were looked at"}
    )
    operations = fields.List(fields.Nested(PastOperationView), required=True, metadata=EMPTY)


class PolicyPackView(ResponseSchema):
    """Policies that the catalog ships."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    policies = fields.List(fields.Nested(PolicyView), required=True, metadata=EMPTY)


class PolicyPackList(ResponseSchema):
    """All packs."""

    items = fields.List(fields.Nested(PolicyPackView), required=True)


class NewOverrideBody(Request):
    """A new exception."""

    policy_set = fields.String(
        required=True, validate=validate.Length(min=1, max=MAX_NAME), metadata={"example": "basics"}
    )
    policy = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_NAME),
        metadata={"example": "regions"},
    )
    project = fields.String(
        required=True, validate=validate.Length(min=1, max=64), metadata={"example": "default"}
    )
    stack = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=MAX_NAME),
        metadata={"description": "Name of a stack, made or not; without one all of the project"},
    )
    reason = not_blank(MAX_TEXT, "a move until March", error="Give a reason.", required=True)
    expires_at = Moment(
        load_default=None,
        allow_none=True,
        metadata={"description": "At most 90 days away; in seven days if left out"},
    )


class OverrideView(ResponseSchema):
    """An exception from a policy."""

    id = fields.String(required=True)
    policy_set_id = fields.String(required=True)
    policy = fields.String(required=True)
    project_id = fields.String(required=True)
    stack = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    created_by = fields.String(required=True)
    created_at = timestamp()
    expires_at = timestamp()
