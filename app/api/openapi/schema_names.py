"""Names of the schemas in the document: each type of a generated client has one, from here.

Generators name what has no name after its place, or after ``title``, which is a label for people
and may change. So what becomes a type is a named component, and no schema has a title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]
SCHEMAS = "#/components/schemas/"
ENUM_NAME = "x-enum"
"""Marks a property whose enumeration is one of the domain's; the value is its name."""

COMPONENT = "x-component"
"""Marks an object that is a type of its own; the value is its name."""

PROBLEM_CODE = "ErrorCode"


def name_schemas(document: Node, codes: Sequence[str]) -> None:
    """Name enumerations and objects that are marked, and take titles away.

    Args:
        document: changed in place.
        codes: of all problems.
    """
    schemas: Node = document["components"]["schemas"]
    schemas["Problem"]["properties"]["code"] |= {"enum": list(codes), ENUM_NAME: PROBLEM_CODE}
    for schema in schemas.values():
        _drop_titles(schema)
    named = _name_objects(document) | _name_enumerations(document)
    document["components"]["schemas"] = dict(sorted((schemas | named).items()))


def _name_objects(document: Node) -> Node:
    named: Node = {}
    for node in list(_marked(document, COMPONENT)):
        name = node.pop(COMPONENT)
        node.pop("default", None)
        named[name] = dict(node)
        node.clear()
        node["$ref"] = SCHEMAS + name
    return named


def _name_enumerations(document: Node) -> Node:
    """Let each enumeration of the domain be one named schema, and so one type in every SDK."""
    named: Node = {}
    for node in list(_marked(document, ENUM_NAME)):
        name = node.pop(ENUM_NAME)
        values = [value for value in node.pop("enum") if value is not None]
        types = node.pop("type", "string")
        named[name] = {"type": "string", "enum": values}
        reference = {"$ref": SCHEMAS + name}
        if "null" in types:
            node["anyOf"] = [reference, {"type": "null"}]
        elif node:
            node["allOf"] = [reference]
        else:
            node.update(reference)
    return named


def _marked(node: Any, mark: str) -> Iterator[Node]:
    if isinstance(node, dict):
        if mark in node:
            yield node
        for item in node.values():
            yield from _marked(item, mark)
    elif isinstance(node, list):
        for item in node:
            yield from _marked(item, mark)


def _drop_titles(schema: Any) -> None:
    """Remove titles from a schema and those in it; one without a description keeps its words."""
    if not isinstance(schema, dict):
        return
    title = schema.pop("title", None)
    if isinstance(title, str):
        schema.setdefault("description", title)
    for part in schema.get("properties", {}).values():
        _drop_titles(part)
    for word in ("items", "additionalProperties"):
        _drop_titles(schema.get(word))
    for word in ("anyOf", "allOf", "oneOf", "prefixItems"):
        for part in schema.get(word, ()):
            _drop_titles(part)
