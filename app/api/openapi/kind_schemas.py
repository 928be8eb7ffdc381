"""The JSON Schemas that the OpenAPI document shows for a kind, over all of its versions.

New stacks get the newest version; a stack that exists may have any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.catalog.blueprint import KindBlueprint, OutputSpec

MASKED = {"type": ["string", "null"], "description": "masked"}


def patch(versions: Sequence[KindBlueprint]) -> dict[str, Any]:
    """Return the schema of a merge patch of the parameters."""
    return _any_of([_as_patch(version.parameters) for version in versions])


def shown(versions: Sequence[KindBlueprint]) -> dict[str, Any]:
    """Return the schema of the parameters in answers, where a secret is masked."""
    return _any_of([_as_shown(version.parameters) for version in versions])


def outputs(versions: Sequence[KindBlueprint]) -> dict[str, Any]:
    """Return the schema of the outputs in answers, where a secret may be masked."""
    return _any_of([_as_outputs(version) for version in versions])


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    different = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    return different[0] if len(different) == 1 else {"type": "object", "anyOf": different}


def _as_patch(schema: dict[str, Any]) -> dict[str, Any]:
    """Nothing is required, and null means the default."""
    properties = {
        name: {"anyOf": [{k: v for k, v in spec.items() if k != "default"}, {"type": "null"}]}
        for name, spec in schema.get("properties", {}).items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _as_shown(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _shown(spec) for name, spec in schema.get("properties", {}).items()}
    return {"type": "object", "properties": properties}


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
