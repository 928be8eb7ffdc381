"""Shapes of how a stack is watched for drift, and of what is known of it."""

from __future__ import annotations

from marshmallow import fields, validate

from app.api.http.fields import Flag, timestamp
from app.api.http.schemas import Request, ResponseSchema, choices
from app.domain.auto_reconcile import DEFAULT_PER_DAY, MAX_PER_DAY, RECONCILABLE
from app.domain.drift import DriftStatus
from app.services.schedules.settings import MAX_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS


class AutoReconcileBody(Request):
    """Which drift is undone without a person. Given again, it turns on what has turned off."""

    changes = fields.List(
        fields.String(validate=validate.OneOf([kind.value for kind in RECONCILABLE])),
        required=True,
        validate=validate.Length(min=1, max=len(RECONCILABLE)),
        metadata={"example": ["updated"]},
    )
    per_day = fields.Integer(
        strict=True,
        load_default=DEFAULT_PER_DAY,
        validate=validate.Range(min=1, max=MAX_PER_DAY),
        metadata={"description": "At most so often within 24 hours"},
    )


class AutoReconcileView(ResponseSchema):
    """Which drift is undone without a person, and why it was not."""

    changes = fields.List(fields.String(), required=True)
    per_day = fields.Integer(required=True)
    off_since = timestamp(allow_none=True)
    off_reason = fields.String(required=True, allow_none=True)
    held_back = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why the drift that was seen last is left to people"},
    )


class DriftSettingsBody(Request):
    """How a stack is watched for drift."""

    enabled = Flag()
    interval_seconds = fields.Integer(
        strict=True, validate=validate.Range(min=MIN_INTERVAL_SECONDS, max=MAX_INTERVAL_SECONDS)
    )
    cron = fields.String(
        validate=validate.Length(max=100), metadata={"description": "Five fields, UTC"}
    )
    follow_project = Flag(
        metadata={"description": "true: as often as the project says, and no longer its own way"}
    )
    auto_reconcile = fields.Nested(
        AutoReconcileBody, allow_none=True, metadata={"description": "null ends it"}
    )


class DriftView(ResponseSchema):
    """What is known about changes made outside Landform, and how the stack is watched."""

    status = fields.String(required=True, validate=choices(DriftStatus))
    reason = fields.String(required=True, allow_none=True)
    since = timestamp(allow_none=True)
    checked_at = timestamp(allow_none=True)
    next_check_at = timestamp(allow_none=True)
    report_id = fields.String(required=True, allow_none=True)
    enabled = fields.Boolean(required=True, metadata={"example": True})
    interval_seconds = fields.Integer(required=True, metadata={"example": 3600})
    cron = fields.String(required=True, allow_none=True)
    follow_project = fields.Boolean(required=True)
    paused_by_project = fields.Boolean(required=True, metadata={"example": False})
    failures = fields.Integer(
        required=True, metadata={"description": "Checks that failed in a row", "example": 0}
    )
    auto_reconcile = fields.Nested(
        AutoReconcileView, required=True, allow_none=True, metadata={"example": None}
    )
