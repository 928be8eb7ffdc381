"""Puts each ``$defs`` of a blueprint where a ``$ref`` names it, before anything else looks at it.

Everything after this sees plain schemas: validation, forms, OpenAPI and Terraform need not know of
references. A line of what was put in is still the line of the definition.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.yaml_source import PointerPath, YamlDocument

SECTION: PointerPath = ("parameters",)
PREFIX = "#/$defs/"
MAX_INSERTED = 500
MAX_NESTED = 16
# What may stand beside $ref: it says more about this one place, or replaces what is said there.
BESIDE = ("$ref", "title", "description", "default", "examples", "immutable", "sensitive")


def insert_definitions(document: YamlDocument, diagnostics: Diagnostics) -> YamlDocument:
    """Return ``document`` without ``$defs`` and ``$ref``; note every wrong one."""
    section = document.data["parameters"]
    if "$defs" not in section:
        definitions: dict[str, Any] = {}
    else:
        definitions = section["$defs"]
    inserter = _Inserter(document, definitions, diagnostics)
    properties = inserter.insert_all(section["properties"], (*SECTION, "properties"), ())
    for name in definitions:
        if name not in inserter.used:
            message = f"nothing refers to the definition {name}; remove it"
            diagnostics.add(document.file, document.line(*SECTION, "$defs", name), message)
    rest = {key: value for key, value in section.items() if key != "$defs"}
    data = {**document.data, "parameters": {**rest, "properties": properties}}
    return replace(document, data=data, lines={**inserter.lines, **document.lines})


class _Inserter:
    """Walks one section; ``lines`` are those of what was put in, ``used`` the definitions met."""

    def __init__(
        self, document: YamlDocument, definitions: dict[str, Any], diagnostics: Diagnostics
    ) -> None:
        self.lines: dict[PointerPath, int] = {}
        self.used: set[str] = set()
        self._document = document
        self._definitions = definitions
        self._diagnostics = diagnostics
        self._inserted = 0

    def insert(self, schema: Any, path: PointerPath, within: tuple[str, ...]) -> Any:
        """Return the schema at ``path`` without references; ``within`` these definitions it is."""
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return self._insert_one(schema, path, within)
        result = dict(schema)
        for keyword in ("items", "additionalProperties"):
            if keyword in schema:
                result[keyword] = self.insert(schema[keyword], (*path, keyword), within)
        for keyword in ("properties", "anyOf", "oneOf"):
            if keyword in schema:
                result[keyword] = self.insert_all(schema[keyword], (*path, keyword), within)
        return result

    def insert_all(self, schemas: Any, path: PointerPath, within: tuple[str, ...]) -> Any:
        """Do the same for a map or a list of schemas; what is neither is found later."""
        if isinstance(schemas, list):
            return [self.insert(item, (*path, n), within) for n, item in enumerate(schemas)]
        if isinstance(schemas, dict):
            return {
                name: self.insert(item, (*path, name), within) for name, item in schemas.items()
            }
        return schemas

    def _insert_one(self, value: dict[str, Any], path: PointerPath, within: tuple[str, ...]) -> Any:
        name = self._name(value["$ref"], path, within)
        beside = {key: item for key, item in value.items() if key != "$ref"}
        for key in beside:
            if key not in BESIDE and not key.startswith("x-"):
                message = f"{key} has no place beside $ref; put it into the definition"
                self._add((*path, key), message)
        if name is None:
            return {"type": "string", **beside}
        self._inserted += 1
        self._take_lines(name, path)
        found = self.insert(copy.deepcopy(self._definitions[name]), path, (*within, name))
        return {**found, **beside} if isinstance(found, dict) else found

    def _name(self, reference: Any, path: PointerPath, within: tuple[str, ...]) -> str | None:
        """Return the definition that ``reference`` names; note what is wrong with it."""
        text = reference if isinstance(reference, str) else ""
        name = text.removeprefix(PREFIX)
        self.used.add(name)
        message = None
        if not text.startswith(PREFIX) or name not in self._definitions:
            known = ", ".join(self._definitions) or "none"
            message = f"$ref must be {PREFIX}<name> of a definition here; they are: {known}"
        elif name in within:
            message = f"the definition {name} contains itself; values have a fixed depth"
        elif self._inserted >= MAX_INSERTED:
            message = f"more than {MAX_INSERTED} references are too many; write fewer"
        elif len(within) >= MAX_NESTED:
            message = f"definitions within definitions go deeper than {MAX_NESTED}; flatten them"
        if message:
            self._add((*path, "$ref"), message)
            return None
        return name

    def _take_lines(self, name: str, path: PointerPath) -> None:
        start = (*SECTION, "$defs", name)
        for place, line in self._document.lines.items():
            if place[: len(start)] == start and len(place) > len(start):
                self.lines[(*path, *place[len(start) :])] = line

    def _add(self, path: PointerPath, message: str) -> None:
        line = self.lines.get(path) or self._document.line(*path)
        self._diagnostics.add(self._document.file, line, message)
