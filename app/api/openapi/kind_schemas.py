"""The JSON Schemas that the OpenAPI document shows for a kind, over all of its versions.

New stacks get the newest version; a stack that exists may have any of them. One object has the
members of all versions, so that a generated client has one type: a union of several objects would
be one type for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from app.catalog.blueprint import KindBlueprint, OutputSpec

MASKED = {"type": ["string", "null"], "description": "masked"}


def patch(versions: Sequence[KindBlueprint]) -> dict[str, Any]:
    """Return the schema of a merge patch of the parameters."""
    return _merge_all([_as_patch(version.parameters) for version in versions])


def shown(versions: Sequence[KindBlueprint]) -> dict[str, Any]:
    """Return the schema of the parameters in answers, where a secret is masked."""
    return _merge_all([_as_shown(version.parameters) for version in versions])


def outputs(versions: Sequence[KindBlueprint]) -> dict[str, Any]:
    """Return the schema of the outputs in answers, where a secret may be masked."""
    return _merge_all([_as_outputs(version) for version in versions])


def _merge_all(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one object that every value of each schema fits; the newest comes first."""
    return reduce(_merge, schemas)


def _merge(newer: dict[str, Any], older: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that takes what either takes, with the words of the newer one."""
    if newer == older:
        return newer
    if _is_object(newer) and _is_object(older):
        return {**newer, **_merged_members(newer, older)}
    found = [part for schema in (newer, older) for part in schema.get("anyOf", [schema])]
    kept = [part for index, part in enumerate(found) if part not in found[:index]]
    told: dict[str, Any] = {key: newer[key] for key in ("title", "description") if key in newer}
    return told | {"anyOf": kept}


def _is_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "object" and "properties" in schema


def _merged_members(newer: dict[str, Any], older: dict[str, Any]) -> dict[str, Any]:
    mine, former = newer["properties"], older["properties"]
    both = {name: _merge(spec, former[name]) for name, spec in mine.items() if name in former}
    needed = set(newer.get("required", ())) & set(older.get("required", ()))
    members: dict[str, Any] = {"properties": {**former, **mine, **both}}
    if "required" in newer or "required" in older:
        members["required"] = sorted(needed)
    return members


def _as_patch(schema: dict[str, Any]) -> dict[str, Any]:
    """Nothing is required, and null means the default."""
    properties = {
        name: {"anyOf": [{k: v for k, v in spec.items() if k != "default"}, {"type": "null"}]}
        for name, spec in schema.get("properties", {}).items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _as_shown(schema: dict[str, Any]) -> dict[str, Any]:
    """A public member is always there when it is needed or has a default."""
    specs = schema.get("properties", {})
    needed = schema.get("required", ())
    there = [
        name
        for name, spec in specs.items()
        if not spec.get("writeOnly") and (name in needed or "default" in spec)
    ]
    return {
        "type": "object",
        "properties": {name: _shown(spec) for name, spec in specs.items()},
        "required": sorted(there),
    }


def _shown(spec: dict[str, Any]) -> dict[str, Any]:
    if spec.get("writeOnly"):
        return MASKED
    if "properties" not in spec:
        return spec
    return {**spec, "properties": {name: _shown(item) for name, item in spec["properties"].items()}}


def _as_outputs(kind: KindBlueprint) -> dict[str, Any]:
    properties = {name: _output(spec) for name, spec in kind.outputs.items()}
    return {"type": "object", "properties": properties}


def _output(spec: OutputSpec) -> dict[str, Any]:
    schema = {**spec.schema, "description": spec.description}
    if spec.sensitive and spec.type != "string":
        return {"anyOf": [schema, {"type": "string"}], "description": spec.description}
    return schema
