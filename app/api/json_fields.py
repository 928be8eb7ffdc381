"""Fields of bodies that marshmallow alone reads too kindly, or cannot describe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from marshmallow import fields, validate

from app.services.labels import MAX_LABELS, MAX_VALUE, check_labels

LABEL_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)


class Choice(validate.OneOf):
    """One of the values of a StrEnum, which the OpenAPI document knows by its name."""

    def __init__(self, enum: type[StrEnum]) -> None:
        """List the values of ``enum``."""
        super().__init__([item.value for item in enum])
        self.enum_name = enum.__name__


class JsonSchemaField(fields.Raw):
    """An object whose shape is a JSON Schema from the catalogue; the catalogue validates it."""

    default_error_messages = {"invalid": "Must be an object."}  # noqa: RUF012  # as marshmallow has it

    def __init__(self, json_schema: dict[str, Any], **options: Any) -> None:
        """Show ``json_schema`` in the OpenAPI document."""
        super().__init__(**options)
        self.json_schema = json_schema

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        return value


class Labels(JsonSchemaField):
    """Labels of a stack; ``app.services.labels`` has the rule."""

    default_error_messages = {"text": "Every label must be text."}  # noqa: RUF012  # as above

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
        if not all(isinstance(item, str) for item in labels.values()):
            raise self.make_error("text")
        check_labels(labels)
        return labels


class Flag(fields.Boolean):
    """``true`` or ``false``; marshmallow would also take "yes", 1 and "off"."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.AwareDateTime):
    """A time with its zone, in years that every database and zone can express."""

    default_error_messages = {  # noqa: RUF012  # as marshmallow has it
        "range": "Must be a time between the years 2000 and 2999."
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> datetime:
        moment = super()._deserialize(value, attr, data, **options)
        if not EARLIEST <= moment <= LATEST:
            raise self.make_error("range")
        return moment
