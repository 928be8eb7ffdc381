"""Owns what the OpenAPI document says beyond the views: each type's attributes, and the token."""

from __future__ import annotations

from typing import Any

from flask_smorest import Api

from sandbox.attributes import MAX_STRING_LENGTH, Attribute
from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.resource_types.resource_type import ResourceType

DESCRIPTION = (
    "Landform's built-in sandbox cloud: records of networks, machines, clusters, buckets and "
    "databases that behave like a cloud's API and are nothing but records. For trying out, demos "
    "and tests."
)


def describe_api(api: Api) -> None:
    """Add the token scheme and one schema for the attributes of each resource type."""
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for resource_type in RESOURCE_TYPES.values():
        api.spec.components.schema(
            f"{resource_type.schema_name}Attributes", describe_attributes(resource_type)
        )


def describe_attributes(resource_type: ResourceType) -> dict[str, Any]:
    """Return the JSON Schema of a type's attributes."""
    return {
        "type": "object",
        "description": resource_type.description,
        "properties": {a.name: _describe(a) for a in resource_type.attributes},
        "required": [a.name for a in resource_type.attributes if a.required],
        "additionalProperties": False,
    }


def _describe(attribute: Attribute) -> dict[str, Any]:
    suffix = " Cannot be changed after creation." if attribute.immutable else ""
    described: dict[str, Any] = {
        "type": [attribute.kind, "null"] if attribute.is_nullable else attribute.kind,
        "description": attribute.description + suffix,
    }
    optional = {
        "default": attribute.default,
        "pattern": attribute.pattern,
        "minimum": attribute.minimum,
        "maximum": attribute.maximum,
        "maxLength": MAX_STRING_LENGTH if attribute.kind == "string" else None,
        "readOnly": True if attribute.computed else None,
        "writeOnly": True if attribute.write_only else None,
    }
    return described | {key: value for key, value in optional.items() if value is not None}
