"""The shape of ``blueprint.yaml`` and of a cloud description, as JSON Schema.

Owns which keys exist and of what type they are. What keys mean together is checked elsewhere.
"""

from __future__ import annotations

from typing import Any, Final

from app.catalog.formats import FORMATS
from app.domain.drift import Severity
from app.domain.drift_severity import Direction

SLUG: Final = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
SNAKE: Final = "^[a-z][a-z0-9_]{0,39}$"
SEMVER: Final = (
    r"^(?:(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    r"(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?)$"
)
TYPES: Final = ("string", "integer", "number", "boolean", "array", "object")

TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 2000}
SLUG_TEXT: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": SLUG,
    "x-message": "must be lower-case words joined by hyphens, such as machine-group",
}
SNAKE_TEXT: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": SNAKE,
    "x-message": "must be lower-case words joined by underscores, such as user_data",
}
BOOLEAN: Final[dict[str, Any]] = {"type": "boolean"}
COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
TYPE_OR_LIST: Final[dict[str, Any]] = {"type": ["string", "array"], "items": {"type": "string"}}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _map_of(schema: dict[str, Any], *, least: int = 0) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema, "minProperties": least}


# The keywords that Landform turns into forms, messages and typed models. Others are diagnostics.
PARAMETER_KEYWORDS: Final[dict[str, Any]] = {
    "type": TYPE_OR_LIST,
    "title": TEXT,
    "description": TEXT,
    "default": {},
    "examples": {"type": "array", "minItems": 1},
    "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
    "const": {},
    "anyOf": {"type": "array", "minItems": 2, "items": {"type": "object"}},
    "oneOf": {"type": "array", "minItems": 2, "items": {"type": "object"}},
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "exclusiveMinimum": {"type": "number"},
    "exclusiveMaximum": {"type": "number"},
    "multipleOf": {"type": "number", "exclusiveMinimum": 0},
    "minLength": COUNT,
    "maxLength": COUNT,
    "pattern": TEXT,
    "format": {"type": "string", "enum": sorted(FORMATS)},
    "items": {"type": "object"},
    "minItems": COUNT,
    "maxItems": COUNT,
    "uniqueItems": BOOLEAN,
    "properties": {"type": "object"},
    "required": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    "additionalProperties": {"type": "object"},
    "minProperties": COUNT,
    "maxProperties": COUNT,
    "immutable": BOOLEAN,
    "sensitive": BOOLEAN,
    "x-generate": {"type": "integer", "minimum": 16, "maximum": 128},
    "x-message": TEXT,
    "x-unit": TEXT,
    "x-vocabulary": SLUG_TEXT,
    "x-variable": SNAKE_TEXT,
    "x-references": _object(
        {
            "kind": SLUG_TEXT,
            "outputs": _map_of(SNAKE_TEXT, least=1),
            "requires": {"type": "array", "minItems": 1, "items": {"type": "object"}},
        },
        "kind",
        "outputs",
    ),
}
PARAMETER: Final = _object(PARAMETER_KEYWORDS, "type")
# A keyword has an effect on values of one type only; elsewhere it is a diagnostic.
KEYWORDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "string": (
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "x-vocabulary",
        "x-references",
        "x-generate",
    ),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
}
# A form of anyOf or oneOf only narrows what the parameter allows: no defaults, nothing of our own.
FORM_KEYWORDS: Final = (
    *("type", "title", "enum", "const", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    *("pattern", "format", "minItems", "maxItems", "uniqueItems"),
    *("properties", "required", "minProperties", "maxProperties"),
)
FORM: Final = _object({name: PARAMETER_KEYWORDS[name] for name in FORM_KEYWORDS})
# What a cloud needs of a stack that is referred to: a form for each of its parameters.
REQUIREMENT: Final = _object(
    {
        "cloud": SLUG_TEXT,
        "kind": SLUG_TEXT,
        "parameters": _map_of(FORM, least=1),
        "message": TEXT,
    },
    *("cloud", "kind", "parameters", "message"),
)

# What offered.yaml may say of a parameter: how much less of it a cloud has.
OFFER_KEYWORDS: Final = (
    *("enum", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "pattern"),
    *("minItems", "maxItems", "x-message"),
)
OFFER: Final = {
    **_object({name: PARAMETER_KEYWORDS[name] for name in OFFER_KEYWORDS}),
    "minProperties": 1,
}
OFFERED: Final = _map_of(OFFER, least=1)

OUTPUT: Final = _object(
    {
        "type": TYPE_OR_LIST,
        "items": {"type": "object"},
        "description": TEXT,
        "sensitive": BOOLEAN,
    },
    "type",
    "description",
)

VERSION: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": SEMVER,
    "maxLength": 40,
    "x-message": "must be a semantic version such as 1.0.0",
}

BLUEPRINT: Final = _object(
    {
        "kind": SLUG_TEXT,
        "plural": SLUG_TEXT,
        "version": VERSION,
        "downgrade_to": {"type": "array", "items": VERSION, "minItems": 1, "uniqueItems": True},
        "stands_for": SLUG_TEXT,
        "title": TEXT,
        "description": TEXT,
        "parameters": _object(
            {
                "properties": {"type": "object"},
                "required": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                "$defs": {"type": "object"},
            },
            "properties",
        ),
        "outputs": _map_of(OUTPUT),
    },
    "kind",
    "plural",
    "version",
    "title",
    "description",
    "parameters",
    "outputs",
)

REGION: Final = _object(
    {
        "name": SLUG_TEXT,
        "title": TEXT,
        "provider": TEXT,
        "zones": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
    },
    "name",
    "title",
    "provider",
    "zones",
)
CHOICE: Final = _object(
    {
        "provider": TEXT,
        "title": TEXT,
        "description": TEXT,
        "supported_until": {
            "type": "string",
            "format": "date",
            "x-message": "must be a day such as 2027-03-27",
        },
    },
    "provider",
    "title",
)
ENVIRONMENT: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^(?!TF_|LD_|PYTHON|LANDFORM_)[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]$",
    "x-message": (
        "must be an environment variable of the provider such as SANDBOX_TOKEN, "
        "not one of Terraform, the system or Landform"
    ),
}
CREDENTIAL: Final = _object(
    {
        "title": TEXT,
        "description": TEXT,
        "environment": ENVIRONMENT,
        "variable": {
            "type": "string",
            "pattern": "^landform_[a-z][a-z0-9_]*$",
            "x-message": "must be a variable of the provider's HCL such as landform_role_arn",
        },
        "required": BOOLEAN,
        "secret": BOOLEAN,
        "holds": {"enum": ["text", "file", "endpoint"]},
    },
    "title",
)
NAMES: Final[dict[str, Any]] = {"type": "array", "items": SNAKE_TEXT, "uniqueItems": True}
SIGN_IN: Final = _object(
    {
        "name": SLUG_TEXT,
        "title": TEXT,
        "required": NAMES,
        "optional": NAMES,
        "uses_host": BOOLEAN,
    },
    "name",
    "title",
    "required",
)
RESOURCE_TYPE: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9_]{0,99}$",
    "x-message": "must be a type of Terraform's such as aws_route",
}
TAGS: Final = _object(
    {
        "argument": SNAKE_TEXT,
        "untaggable": {"type": "array", "items": RESOURCE_TYPE, "uniqueItems": True},
        "described": {"type": "array", "items": RESOURCE_TYPE, "uniqueItems": True},
        "argument_of": _map_of(SNAKE_TEXT),
        "separator": {"enum": ["-", "_", ":"]},
        "note": TEXT,
    },
    "argument",
)

KEPT_PROVIDER: Final = _object(
    {
        "source": {
            "type": "string",
            "pattern": "^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9_-]+/[a-z0-9_-]+$",
            "x-message": "must be host/namespace/type, such as registry.terraform.io/hashicorp/aws",
        },
        "arguments": {"type": "array", "items": TEXT, "minItems": 1},
    },
    "source",
    "arguments",
)

SEVERITY_ROW: Final = _object(
    {
        "attribute": TEXT,
        "when": {"enum": [item.value for item in Direction]},
        "to": {"type": ["string", "number", "boolean"]},
        "severity": {"enum": [item.value for item in Severity]},
        "reason": TEXT,
    },
    "attribute",
    "severity",
    "reason",
)

CLOUD: Final = _object(
    {
        "name": SLUG_TEXT,
        "title": TEXT,
        "description": TEXT,
        "default_region": SLUG_TEXT,
        "regions": {"type": "array", "items": REGION, "minItems": 1},
        "vocabulary": _map_of(_map_of(CHOICE, least=1)),
        "credentials": _map_of(CREDENTIAL),
        "sign_in": {"type": "array", "items": SIGN_IN, "minItems": 1},
        "region_environment": ENVIRONMENT,
        "memory_mib": {"type": "integer", "minimum": 1},
        "package_hashes": BOOLEAN,
        "refresh_after_apply": {"type": "boolean"},
        "moves_by_itself": _map_of(NAMES),
        "severity": _map_of({"type": "array", "items": SEVERITY_ROW}),
        "holds_data": {"type": "array", "items": RESOURCE_TYPE, "uniqueItems": True},
        "tags": TAGS,
        "provider": {"type": "string", "minLength": 1, "maxLength": 20_000},
        "kept_provider": KEPT_PROVIDER,
    },
    "name",
    "title",
    "description",
    "regions",
    "vocabulary",
    "credentials",
    "tags",
    "provider",
)
