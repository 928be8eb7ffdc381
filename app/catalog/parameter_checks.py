"""Checks the ``parameters`` section of a blueprint: each schema, and what its keywords promise.

Owns what must be true of one parameter by itself. It must not look at other files.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_value, to_words
from app.catalog.form_checks import check_form
from app.catalog.generated_secrets import make_secret
from app.catalog.json_limits import find_limit_faults
from app.catalog.json_schema import find_faults
from app.catalog.parameters import close_schema
from app.catalog.patterns import compile_pattern, find_pattern_fault
from app.catalog.shapes import KEYWORDS_OF, PARAMETER, SNAKE, TYPES
from app.catalog.yaml_source import PointerPath, YamlDocument

PARAMETERS: PointerPath = ("parameters", "properties")
TOP_LEVEL_ONLY = ("x-references", "x-variable", "x-generate")
# A value in a list has no lasting identity, so it can be neither frozen nor kept apart.
NOT_IN_COLLECTIONS = ("immutable", "sensitive")
BOUNDS = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def check_parameters(document: YamlDocument, diagnostics: Diagnostics) -> None:
    """Note what is wrong with any parameter of the blueprint in ``document``."""
    section = document.data["parameters"]
    _check_required(document, ("parameters",), section, diagnostics)
    for name, schema in section["properties"].items():
        path = (*PARAMETERS, name)
        _check_name(document, path, diagnostics)
        is_sound = check_schema(document, path, schema, diagnostics)
        for keyword in ("title", "description") if is_sound else ():
            if keyword not in schema:
                message = f"{name} has no {keyword}; add one, forms and SDKs show it"
                diagnostics.add(document.file, document.line(*path), message)


def check_schema(
    document: YamlDocument,
    path: PointerPath,
    schema: Any,
    diagnostics: Diagnostics,
    *,
    is_in_collection: bool = False,
) -> bool:
    """Note what is wrong with the schema at ``path`` and below; tell whether it is sound."""
    if not check_value(document, path, schema, PARAMETER, diagnostics):
        return False
    before = diagnostics.count()
    for keyword, message in _faults(schema, len(path) == len(PARAMETERS) + 1, is_in_collection):
        words = f"{to_words(path[len(PARAMETERS) :])} {message}"
        diagnostics.add(document.file, document.line(*path, keyword), words)
    _check_required(document, path, schema, diagnostics)
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            below = (*path, keyword)
            check_schema(document, below, schema[keyword], diagnostics, is_in_collection=True)
    for name, child in schema.get("properties", {}).items():
        below = (*path, "properties", name)
        _check_name(document, below, diagnostics)
        check_schema(document, below, child, diagnostics, is_in_collection=is_in_collection)
    for keyword in ("anyOf", "oneOf"):
        for index, form in enumerate(schema.get(keyword, ())):
            check_form(document, (*path, keyword, index), form, schema, diagnostics)
    if diagnostics.count() == before:
        _check_values(document, path, schema, diagnostics)
    return diagnostics.count() == before


def list_types(schema: dict[str, Any]) -> list[str]:
    """Return the types that ``schema`` allows."""
    types = schema["type"]
    return [types] if isinstance(types, str) else list(types)


def _faults(
    schema: dict[str, Any], is_top: bool, is_in_collection: bool
) -> Iterator[tuple[str, str]]:
    types = list_types(schema)
    named = [name for name in types if name != "null"]
    if len(named) != 1 or named[0] not in TYPES or len(set(types)) != len(types):
        yield "type", f'must have one type of: {", ".join(TYPES)}; or a list of it and "null"'
        return
    yield from _misplaced(schema, named[0], is_top, is_in_collection)
    yield from _incomplete(schema, named[0])
    pattern_fault = find_pattern_fault(schema.get("pattern", "^$"))
    if pattern_fault:
        yield "pattern", f"has a pattern that {pattern_fault}"
    for least, most in BOUNDS:
        if least in schema and most in schema and schema[least] > schema[most]:
            yield least, f"has a {least} above its {most}; no value could fit"


def _misplaced(
    schema: dict[str, Any], type_name: str, is_top: bool, is_in_collection: bool
) -> Iterator[tuple[str, str]]:
    family = "number" if type_name == "integer" else type_name
    for owner, keywords in KEYWORDS_OF.items():
        for keyword in keywords:
            is_list = keyword == "x-references" and type_name == "array"
            if keyword in schema and owner != family and not is_list:
                yield keyword, f"is not of type {owner}, so {keyword} has no effect; remove it"
    for keyword in TOP_LEVEL_ONLY:
        if keyword in schema and not is_top:
            yield keyword, f"may not use {keyword}, which only whole parameters have"
    for keyword in NOT_IN_COLLECTIONS:
        if schema.get(keyword) and is_in_collection:
            yield keyword, f"may not be {keyword} inside a list or a map; mark the whole of it"
    yield from _misused_secret(schema)
    yield from _misused_list(schema, type_name)


def _misused_secret(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if schema.get("sensitive") and "default" in schema:
        yield "default", "is sensitive and has a default, which everybody could read; remove it"
    if schema.get("sensitive") and "x-references" in schema:
        yield "sensitive", "names a stack, which is no secret; remove sensitive"
    if "x-generate" in schema and not schema.get("sensitive"):
        yield "x-generate", "has a made value that everybody could read; add sensitive: true"


def _misused_list(schema: dict[str, Any], type_name: str) -> Iterator[tuple[str, str]]:
    if "x-references" in schema and type_name == "array":
        if schema.get("items", {}).get("type") != "string":
            yield "items", "names stacks, so its entries must be of type string"
        if not schema.get("uniqueItems"):
            yield "x-references", "could name one stack twice; add uniqueItems: true"


def _incomplete(schema: dict[str, Any], type_name: str) -> Iterator[tuple[str, str]]:
    if type_name == "array" and "items" not in schema:
        yield "type", "does not say what its entries are; add items"
    if type_name == "object" and ("properties" in schema) == ("additionalProperties" in schema):
        yield "type", "must have either properties or additionalProperties"
    if "x-vocabulary" in schema and "enum" not in schema:
        yield "x-vocabulary", "does not say which neutral words it takes; add enum"


def _check_name(document: YamlDocument, path: PointerPath, diagnostics: Diagnostics) -> None:
    if not compile_pattern(SNAKE).search(str(path[-1])):
        message = f"{path[-1]!r} is no parameter name; use lower-case words and underscores"
        diagnostics.add(document.file, document.line(*path), message)


def _check_required(
    document: YamlDocument, path: PointerPath, schema: dict[str, Any], diagnostics: Diagnostics
) -> None:
    for index, name in enumerate(schema.get("required", ())):
        child = schema.get("properties", {}).get(name)
        if isinstance(child, dict) and "x-generate" in child:
            message = f"{name} is made when it is left out, so it cannot be required; remove it"
            diagnostics.add(document.file, document.line(*path, "required", index), message)
        if name not in schema.get("properties", {}):
            message = f"{name} is required but is none of the properties; add it or remove it here"
            diagnostics.add(document.file, document.line(*path, "required", index), message)


def _check_values(
    document: YamlDocument, path: PointerPath, schema: dict[str, Any], diagnostics: Diagnostics
) -> None:
    """Check the values that the author gave against the author's own schema."""
    rest = {key: value for key, value in schema.items() if key != "enum"}
    checks: list[tuple[dict[str, Any], PointerPath, Any]] = [
        (rest, ("enum", index), item) for index, item in enumerate(schema.get("enum", ()))
    ]
    examples = schema.get("examples", ())
    checks += [(schema, ("examples", index), item) for index, item in enumerate(examples)]
    if "default" in schema:
        checks.append((schema, ("default",), schema["default"]))
    if "x-generate" in schema:
        checks.append((schema, ("x-generate",), make_secret(schema["x-generate"])))
    for against, place, value in checks:
        faults = {fault.path: fault.message for fault in find_limit_faults(value)}
        faults = faults or find_faults(close_schema(copy.deepcopy(against)), value)
        for inner, fault in faults.items():
            where = (*path, *place, *inner)
            words = to_words(where[len(PARAMETERS) :])
            diagnostics.add(document.file, document.line(*where), f"{words} {fault}")
