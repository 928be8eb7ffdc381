"""Examples made from schemas: what a body may look like, for people and for generators.

A property's own ``example`` or ``default`` comes first; else its enumeration, format or name
suggests a value. What may be left out or be null is shown only where it says something.
"""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]
SCHEMAS = "#/components/schemas/"
UNIONS = ("allOf", "anyOf", "oneOf")
MAX_DEPTH = 8
BY_FORMAT = {
    "date-time": "2026-11-23T09:30:00Z",
    "date": "2026-11-23",
    "email": "you@example.com",
    "uri": "https://example.com/hook",
    "ipv4": "192.0.2.10",
    "hostname": "www.example.com",
    "cidr": "10.0.0.0/16",
    "password": "correct horse battery staple",
    "uuid": "0b5c1c4e-58a5-4b4c-9d3c-4f6f2c7d1a90",
}
BY_NAME = {
    "name": "web",
    "title": "Web",
    "kind": "network",
    "plural": "networks",
    "version": "1.0.0",
    "blueprint_version": "1.0.0",
    "project": "default",
    "cloud": "sandbox",
    "region": "eu-west",
    "username": "admin",
    "requested_by": "admin",
    "created_by": "admin",
    "id": "01k9z3t7q8v5w2x4y6a8b0c1d2",
    "stack_id": "stk_01k9z3t7q8v5w2x4y6a8b0c1d2",
    "operation_id": "op_01k9z3t7q8v5w2x4y6a8b0c1d2",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "lineage": "0b5c1c4e-58a5-4b4c-9d3c-4f6f2c7d1a90",
    "terraform_version": "1.11.4",
    "level": "info",
}
# Null as long as nothing is wrong or nothing has happened; these are what an answer is about.
SHOWN_THOUGH_NULLABLE = {"operation", "stack", "report", "plan", "following"}


class Examples:
    """Makes examples for the schemas of one document."""

    def __init__(self, document: Node) -> None:
        self._schemas: Node = document["components"]["schemas"]

    def of(self, schema: Node, *, is_request: bool) -> Any:
        """Return an example of ``schema``; the same one every time."""
        return _Maker(self._schemas, is_request).make(schema, "", 0)


class _Maker:
    """Makes the example of one request or one answer."""

    def __init__(self, schemas: Node, is_request: bool) -> None:
        self._schemas = schemas
        self._is_request = is_request

    def make(self, schema: Node, name: str, depth: int) -> Any:
        for said in ("example", "default", "const"):
            if said in schema:
                return schema[said]
        for choices in ("examples", "enum"):
            if schema.get(choices):
                return schema[choices][0]
        if self._is_null(schema, name):
            return None
        if "$ref" in schema:
            return self.make(self._schemas[schema["$ref"].removeprefix(SCHEMAS)], name, depth)
        union = next((word for word in UNIONS if schema.get(word)), None)
        if union is not None:
            around = {word: value for word, value in schema.items() if word != union}
            return self.make({**around, **schema[union][0]}, name, depth)
        return self._by_type(schema, name, depth)

    def _is_null(self, schema: Node, name: str) -> bool:
        if self._is_request or name in SHOWN_THOUGH_NULLABLE:
            return False
        return "null" in schema.get("type", ()) or {"type": "null"} in schema.get("anyOf", [])

    def _by_type(self, schema: Node, name: str, depth: int) -> Any:
        types = schema.get("type", "object" if "properties" in schema else "null")
        kind = types if isinstance(types, str) else types[0]
        if kind == "object":
            return self._object(schema, depth) if depth < MAX_DEPTH else {}
        if kind == "array":
            return self._array(schema, name, depth) if depth < MAX_DEPTH else []
        return _scalar(schema, name, kind)

    def _object(self, schema: Node, depth: int) -> Node:
        required = schema.get("required", [])
        made = {}
        for name, part in schema.get("properties", {}).items():
            value = self.make(part, name, depth + 1)
            is_hidden = part.get("writeOnly") and not self._is_request
            is_shown = name in required or not self._is_request or _is_told(part, value)
            if is_shown and not is_hidden:
                made[name] = value
        return made

    def _array(self, schema: Node, name: str, depth: int) -> list[Any]:
        items = schema.get("items")
        least = schema.get("minItems", 0 if self._is_request else 1)
        if not isinstance(items, dict) or not items:
            return []
        return [self.make(items, name, depth + 1)] * least


def _is_told(part: Node, value: Any) -> bool:
    """Tell whether an optional part has anything of its own to show."""
    if "properties" in part:
        return bool(value)
    return "example" in part or bool(part.get("default"))


def _scalar(schema: Node, name: str, kind: str) -> Any:
    if kind == "string":
        known = BY_FORMAT.get(schema.get("format", "")) or BY_NAME.get(name) or name or "text"
        return str(known)[: schema.get("maxLength")]
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    return False if kind == "boolean" else None
