"""Checks a YAML document against its shape and turns each fault into a line of its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.json_schema import find_faults
from app.catalog.yaml_source import PointerPath, YamlDocument


def check_shape(document: YamlDocument, shape: Mapping[str, Any], diagnostics: Diagnostics) -> bool:
    """Note where ``document`` does not have ``shape``; tell whether it has."""
    return check_value(document, (), document.data, shape, diagnostics)


def check_value(
    document: YamlDocument,
    path: PointerPath,
    value: Any,
    schema: Mapping[str, Any],
    diagnostics: Diagnostics,
) -> bool:
    """Note where ``value``, which stands at ``path``, does not fit ``schema``."""
    faults = find_faults(schema, value)
    for inner, message in faults.items():
        place = (*path, *inner)
        diagnostics.add(document.file, document.line(*place), f"{to_words(place)} {message}")
    return not faults


def to_words(path: PointerPath) -> str:
    """Write ``path`` as people do: ``parameters.properties.cidr``."""
    return ".".join(str(part) for part in path) or "the file"
