"""Checks the ``outputs`` section of a blueprint. Owns what an output may be declared as."""

from __future__ import annotations

from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.patterns import compile_pattern
from app.catalog.shapes import SNAKE, TYPES
from app.catalog.yaml_source import YamlDocument


def check_outputs(document: YamlDocument, diagnostics: Diagnostics) -> None:
    """Note what is wrong with any output of the blueprint in ``document``."""
    for name, spec in document.data["outputs"].items():
        if not compile_pattern(SNAKE).search(name):
            message = f"{name!r} is no output name; use lower-case words and underscores"
            diagnostics.add(document.file, document.line("outputs", name), message)
        fault = _type_fault(spec)
        if fault:
            diagnostics.add(
                document.file, document.line("outputs", name, "type"), f"{name} {fault}"
            )


def _type_fault(spec: dict[str, Any]) -> str | None:
    types = [spec["type"]] if isinstance(spec["type"], str) else spec["type"]
    named = [item for item in types if item != "null"]
    if len(named) != 1 or named[0] not in TYPES:
        return f'must have one type of: {", ".join(TYPES)}; or a list of it and "null"'
    is_list = named[0] == "array"
    if is_list and spec.get("items", {}).get("type") not in TYPES:
        return f"does not say what its entries are; add items with a type: {', '.join(TYPES)}"
    if "items" in spec and not is_list:
        return "is no array, so items has no effect; remove it"
    return None
