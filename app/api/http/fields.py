"""Fields that are stricter than marshmallow's own, or better described in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import fields, validate

MAX_SEVERAL = 200
NOT_BLANK = r"^\s*\S"
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)


class ChoiceField(validate.OneOf):
    """One of some values, which the OpenAPI document knows by a name."""

    def __init__(self, name: str, values: Collection[str]) -> None:
        """List the values."""
        super().__init__(values)
        self.enum_name = name


class JsonSchemaField(fields.Raw):
    """An object whose shape is a JSON Schema from the catalog; the catalog validates it."""

    default_error_messages = {"invalid": "Must be an object."}  # noqa: RUF012  # as marshmallow has it

    def __init__(
        self, json_schema: dict[str, Any], *, component: str | None = None, **options: Any
    ) -> None:
        """Show ``json_schema`` in the OpenAPI document, there as the schema ``component``."""
        super().__init__(**options)
        self.json_schema = json_schema
        self.component = component

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        return value


class Flag(fields.Boolean):
    """``true`` or ``false``; marshmallow would also take "yes", 1 and "off"."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryFlag(fields.Boolean):
    """``true`` or ``false`` in a query; marshmallow would also take "yes", 1 and "off"."""

    truthy = {"true"}  # noqa: RUF012  # as marshmallow has it
    falsy = {"false"}  # noqa: RUF012  # as marshmallow has it


class Several(fields.List):  # type: ignore[type-arg]  # not generic at run time
    """A query parameter that may be given several times; one of its values has to fit."""

    def __init__(
        self, description: str = "", *, data_key: str | None = None, **options: Any
    ) -> None:
        """Take texts; ``options`` are those of one of them."""
        told = "May be given several times: one of the values has to fit"
        super().__init__(
            fields.String(**options),
            data_key=data_key,
            validate=validate.Length(min=1, max=MAX_SEVERAL),
            metadata={"description": f"{description}. {told}" if description else told},
        )


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


class Omitted(fields.List):  # type: ignore[type-arg]  # not generic at run time
    """The members of an answer that a repeated request is not shown again."""

    def __init__(self) -> None:
        """Describe it."""
        description = "secrets that this replay leaves out; they were shown with the first answer"
        super().__init__(fields.String(), metadata={"description": description})


def timestamp(*, allow_none: bool = False) -> fields.String:
    """Return the field of a time in an answer."""
    return fields.String(required=True, allow_none=allow_none, metadata={"format": "date-time"})


def not_blank(max_length: int, example: str, *, error: str, **options: Any) -> fields.String:
    """Return the field of a text that people write, and must write.

    Args:
        error: what is wrong with a blank one.
    """
    return fields.String(
        validate=[validate.Length(max=max_length), validate.Regexp(NOT_BLANK, error=error)],
        metadata={"example": example, "pattern": NOT_BLANK},
        **options,
    )
