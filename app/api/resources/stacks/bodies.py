"""Bodies and queries about stacks: filters, a new one, a change."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.api.http.fields import Flag, JsonSchemaField, Moment, Several
from app.api.http.schemas import CreatedQuery, Request, choices
from app.api.resources.stacks.drift_schemas import DriftSettingsBody
from app.domain.drift import DriftStatus
from app.domain.names import NAME_PATTERN, NAME_RULE
from app.domain.operations import AutoApply
from app.domain.stacks import OnExpiry, StackStatus
from app.services.labels import MAX_LABELS, MAX_VALUE

LABEL_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"
LABEL_FILTER = "^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}="
MIN_TTL_SECONDS, MAX_TTL_SECONDS = 60, 10 * 366 * 86400


class StackQuery(CreatedQuery):
    """Filters of the list of stacks."""

    project = Several("Id or name", validate=validate.Length(max=64))
    kind = Several(validate=validate.Length(max=64))
    cloud = Several(validate=validate.Length(max=64))
    region = Several(validate=validate.Length(max=64))
    status = Several(validate=choices(StackStatus))
    drift = Several(validate=choices(DriftStatus))
    name = Several("The whole name", validate=validate.Length(max=64))
    label = fields.String(
        validate=[
            validate.Length(max=320),
            validate.Regexp(LABEL_FILTER, error="Write it as name=value."),
        ],
        metadata={"example": "team=web", "pattern": LABEL_FILTER},
    )
    q = fields.String(
        validate=validate.Length(max=64), metadata={"description": "Part of the name, or an id"}
    )


def named_filters(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters that name a project, kind or cloud."""
    return {name: query[name] for name in ("project", "kind", "cloud") if name in query}


class Labels(JsonSchemaField):
    """Labels of a stack; ``app.services.labels`` has the rule."""

    default_error_messages = {"text": "Every label must be text."}  # noqa: RUF012  # as marshmallow has it
    accepted: tuple[type, ...] = (str,)

    def __init__(self, **options: Any) -> None:
        """Describe the rule as a JSON Schema."""
        schema = {
            "type": "object",
            "maxProperties": MAX_LABELS,
            "propertyNames": {"pattern": LABEL_PATTERN},
            "additionalProperties": {"type": "string", "maxLength": MAX_VALUE},
            "example": {"team": "web"},
        }
        super().__init__(schema, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> Any:
        labels = super()._deserialize(value, attr, data)
        if not all(isinstance(item, self.accepted) for item in labels.values()):
            raise self.make_error("text")
        return labels


class LabelsPatch(Labels):
    """A merge patch of labels: null removes one."""

    default_error_messages = {"text": "Every label must be text or null."}  # noqa: RUF012  # as marshmallow has it
    accepted = (str, NoneType)

    def __init__(self, **options: Any) -> None:
        """Describe the rule as a JSON Schema."""
        super().__init__(**options)
        value = {"type": ["string", "null"], "maxLength": MAX_VALUE}
        told = "Merged into the present labels (RFC 7396); null removes one"
        self.json_schema |= {"additionalProperties": value, "description": told}


class StackSettings(Request):
    """Fields of a stack that can be set when it is created and later."""

    auto_apply = fields.String(validate=choices(AutoApply))
    drift = fields.Nested(DriftSettingsBody)
    expires_at = Moment(allow_none=True, format="iso")
    ttl_seconds = fields.Integer(
        strict=True,
        validate=validate.Range(min=MIN_TTL_SECONDS, max=MAX_TTL_SECONDS),
        metadata={"description": "Instead of expires_at: so long from now", "example": 86400},
    )
    on_expiry = fields.String(
        validate=choices(OnExpiry),
        metadata={"description": "Then destroy it at once, or ask: its destroy waits for approval"},
    )
    deletion_protection = Flag()

    @validates_schema(skip_on_field_errors=False)
    def _check_life(self, data: dict[str, Any], **_: object) -> None:
        if "ttl_seconds" in data and "expires_at" in data:
            message = "Give expires_at or ttl_seconds, not both."
            raise ValidationError({"ttl_seconds": [message]})


class StackChangeBody(StackSettings):
    """A change of a stack; ``parameters`` is typed by its kind."""

    labels = LabelsPatch()


def _cloud_account() -> fields.String:
    return fields.String(
        required=True, validate=validate.Length(max=64), metadata={"example": "sandbox"}
    )


def _region() -> fields.String:
    return fields.String(validate=validate.Length(min=1, max=64), metadata={"example": "eu-west"})


class WantedStackBody(StackSettings):
    """A stack that is to be there under a name; ``parameters`` is typed by its kind."""

    labels = Labels()
    cloud_account = _cloud_account()
    region = _region()


class NewStackBody(StackSettings):
    """A new stack; ``parameters`` is typed by its kind.

    Generated clients take what is required in this order: the name, then the account.
    """

    labels = Labels()
    name = fields.String(
        required=True,
        metadata={"pattern": NAME_PATTERN, "description": NAME_RULE, "example": "web"},
    )
    project = fields.String(
        load_default="default", validate=validate.Length(max=64), metadata={"example": "default"}
    )
    cloud_account = _cloud_account()
    region = _region()
