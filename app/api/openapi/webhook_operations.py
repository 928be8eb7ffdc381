"""The part ``webhooks`` of the document: what Landform sends to whoever has asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from marshmallow import Schema

from app.api.openapi.schema_names import SCHEMAS

HEADERS = {
    "webhook-id": "The same at every attempt to tell this event",
    "webhook-timestamp": "Seconds since 1970, of this attempt",
    "webhook-signature": "`v1,` and the HMAC as Standard Webhooks has it; several with blanks",
}
ANSWERS = {
    "2XX": {"description": "The receiver has it"},
    "default": {"description": "It is sent again later"},
}


def describe_webhooks(spec: APISpec, messages: Mapping[str, type[Schema]]) -> dict[str, Any]:
    """Describe the request of every event.

    Args:
        spec: gets the schemas of the messages.
        messages: the schema of the body by event.
    """
    found = {}
    for event, message in messages.items():
        name = message.__name__
        spec.components.schema(name, schema=message)
        found[event] = {"post": _request(event, SCHEMAS + name)}
    return found


def _request(event: str, reference: str) -> dict[str, Any]:
    return {
        "operationId": "on" + "".join(map(str.capitalize, event.replace("_", ".").split("."))),
        "summary": f"Landform tells of {event}",
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {
                "in": "header",
                "name": name,
                "required": True,
                "schema": {"type": "string"},
                "description": description,
            }
            for name, description in HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": reference}}},
        },
        "responses": ANSWERS,
    }
