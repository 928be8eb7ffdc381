"""Owns the shapes of requests and answers, and how the request parser treats odd input.

Attributes are checked by `validation` against the type's description, not here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import flask
import marshmallow as ma
from marshmallow import fields, validate
from webargs.flaskparser import FlaskParser

from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.service.faults import MAX_CREATE_DELAY_SECONDS, MAX_READ_DELAY_SECONDS, Faults
from sandbox.service.records import Resource
from sandbox.service.validation import MAX_TAGS

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

_TAGS_DOC = f"At most {MAX_TAGS}; keys without `=`, for example `landform:stack`."
_ATTRIBUTES_ONE_OF = [
    {"$ref": f"#/components/schemas/{resource_type.schema_name}Attributes"}
    for resource_type in RESOURCE_TYPES.values()
]


class StrictParser(FlaskParser):
    """Refuses unknown query parameters, and answers 400 to JSON that Python cannot take in."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 as the base declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def _raw_load_json(self, req: flask.Request) -> Any:
        try:
            return super()._raw_load_json(req)
        except (RecursionError, ValueError) as error:  # too deep; a number of 5,000 digits
            raise json.JSONDecodeError(str(error), "unreadable", 0) from error


class StrictFloat(fields.Float):
    """A JSON number; neither text nor a truth value."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class ResourceSchema(ma.Schema):
    """A resource as the API shows it."""

    id = fields.String(required=True)
    type = fields.String(required=True, metadata={"enum": list(RESOURCE_TYPES)})
    attributes = fields.Dict(required=True, metadata={"anyOf": _ATTRIBUTES_ONE_OF})
    tags = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    status = fields.String(required=True, metadata={"enum": ["creating", "available"]})
    created_at = fields.String(required=True, metadata={"format": "date-time"})


class ResourcePageSchema(ma.Schema):
    items = fields.List(fields.Nested(ResourceSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ResourceCreateSchema(ma.Schema):
    type = fields.String(required=True, metadata={"enum": list(RESOURCE_TYPES)})
    attributes = fields.Dict(
        keys=fields.String(), required=True, metadata={"anyOf": _ATTRIBUTES_ONE_OF}
    )
    tags = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": _TAGS_DOC},
    )


class ResourceChangeSchema(ma.Schema):
    attributes = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={"description": "Merged: attributes not named stay as they are."},
    )
    tags = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=None,
        metadata={"description": f"Replaces all tags of the resource. {_TAGS_DOC}"},
    )

    @ma.validates_schema
    def _check_not_empty(self, data: dict[str, Any], **_: object) -> None:
        if not data["attributes"] and data["tags"] is None:
            raise ma.ValidationError("Give attributes, tags or both.")


class ResourceQuerySchema(ma.Schema):
    type = fields.String(metadata={"enum": list(RESOURCE_TYPES)})
    tag = fields.List(
        fields.String(),
        load_default=list,
        metadata={"description": "`key=value`; may be repeated, and then all must match."},
    )
    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.String(metadata={"description": "`next_cursor` of the page before."})


class DeleteQuerySchema(ma.Schema):
    force = fields.Boolean(
        load_default=False,
        metadata={"description": "Delete although other resources refer to it."},
    )


class FaultsSchema(ma.Schema):
    """Faults of the account. PUT replaces all: a field left out goes back to its default."""

    create_delay_seconds = StrictFloat(
        load_default=0.0, validate=validate.Range(0, MAX_CREATE_DELAY_SECONDS)
    )
    read_delay_seconds = StrictFloat(
        load_default=0.0, validate=validate.Range(0, MAX_READ_DELAY_SECONDS)
    )
    failure_rate = StrictFloat(load_default=0.0, validate=validate.Range(0, 1))
    quota = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(0, 1_000_000)
    )
    seed = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(0, 2**31 - 1)
    )

    @ma.post_load
    def _make_faults(self, data: dict[str, Any], **_: object) -> Faults:
        return Faults(**data)


class HealthSchema(ma.Schema):
    status = fields.String(required=True, metadata={"enum": ["ok"]})
    version = fields.String(required=True)


class FieldFaultSchema(ma.Schema):
    pointer = fields.String(required=True)
    message = fields.String(required=True)


class ProblemSchema(ma.Schema):
    """RFC 9457 problem details."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; see docs/sandbox.md."})
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldFaultSchema))


def present_resource(resource: Resource) -> dict[str, Any]:
    """Turn a resource into the shape of `ResourceSchema`; times are RFC 3339 in UTC."""
    created_at = datetime.fromtimestamp(resource.created_at, UTC)
    return {
        "id": resource.id,
        "type": resource.type,
        "attributes": resource.attributes,
        "tags": resource.tags,
        "status": resource.status,
        "created_at": created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
