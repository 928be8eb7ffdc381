"""The OpenAPI document: its head, its security scheme, and raw JSON Schemas inside marshmallow."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Api
from marshmallow import fields

VERSION = "1.0.0"
PREFIX = "/api/v1"
CONFIG: dict[str, Any] = {
    "API_TITLE": "Landform",
    "API_VERSION": VERSION,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": PREFIX,
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": (
                "A self-hosted control plane for cloud infrastructure in provider-neutral words. "
                "What touches a cloud answers 202 with an operation to follow."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "servers": [{"url": "/"}],
    },
}


class JsonSchemaField(fields.Raw):
    """A field whose shape is a JSON Schema from the catalogue; the catalogue validates it."""

    def __init__(self, json_schema: dict[str, Any], **options: Any) -> None:
        """Show ``json_schema`` in the OpenAPI document."""
        super().__init__(**options)
        self.json_schema = json_schema


class LandformApi(Api):
    """flask-smorest without its error handlers (``app.http_errors`` has them all)."""

    def __init__(self, app: Flask) -> None:
        """Bind to ``app`` and describe what all operations share."""
        super().__init__(app)
        self.spec.components.security_scheme(
            "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        )
        self.ma_plugin.converter.add_attribute_function(_json_schema_properties)

    def _register_error_handlers(self) -> None:
        """Leave errors to ``app.http_errors``: one shape for every path."""


def _json_schema_properties(_converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    return dict(field.json_schema) if isinstance(field, JsonSchemaField) else {}
