"""Owns the translation of a resource type's description into a Terraform schema. No behaviour."""

from __future__ import annotations

from tf.schema import Attribute as TfAttribute
from tf.schema import Schema
from tf.types import Bool, Number, String, TfType, Unknown

from sandbox.attributes import Attribute, Kind
from sandbox.provider.unknowns import RefinableMap
from sandbox.resource_types.resource_type import ResourceType

DEFAULT_CREATE_TIMEOUT_SECONDS = 600
CREATE_TIMEOUT = "create_timeout_seconds"

_TF_TYPES: dict[Kind, type[TfType]] = {"string": String, "integer": Number, "boolean": Bool}


def make_resource_schema(resource_type: ResourceType) -> Schema:
    """Return the schema of `sandbox_<type>`."""
    return Schema(
        version=resource_type.schema_version,
        description=resource_type.description,
        attributes=[
            TfAttribute("id", String(), "Id in the sandbox cloud.", computed=True),
            *(_make_attribute(attribute) for attribute in resource_type.attributes),
            TfAttribute("tags", RefinableMap(String()), "Tags of the resource.", optional=True),
            TfAttribute(
                CREATE_TIMEOUT,
                Number(),
                "How long creation may take until it counts as failed, in seconds. "
                f"{DEFAULT_CREATE_TIMEOUT_SECONDS} when not set.",
                optional=True,
            ),
        ],
    )


def make_data_source_schema(resource_type: ResourceType) -> Schema:
    """Return the schema of `data.sandbox_<type>`: the id is given, all else is read."""
    return Schema(
        version=resource_type.schema_version,
        description=f"{resource_type.description} Looked up by id.",
        attributes=[
            TfAttribute("id", String(), "Id in the sandbox cloud.", required=True),
            *(
                TfAttribute(
                    attribute.name,
                    _TF_TYPES[attribute.kind](),
                    attribute.description,
                    computed=True,
                    sensitive=attribute.is_secret,
                )
                for attribute in resource_type.attributes
                if not attribute.write_only
            ),
            TfAttribute("tags", RefinableMap(String()), "Tags of the resource.", computed=True),
        ],
    )


def _make_attribute(attribute: Attribute) -> TfAttribute:
    has_default = attribute.default is not None
    is_computed = attribute.computed is not None
    return TfAttribute(
        attribute.name,
        _TF_TYPES[attribute.kind](),
        attribute.description,
        required=attribute.required,
        optional=not attribute.required and not is_computed,
        computed=is_computed or has_default,
        sensitive=attribute.is_secret,
        requires_replace=attribute.immutable,
        default=attribute.default if has_default else Unknown,
    )
