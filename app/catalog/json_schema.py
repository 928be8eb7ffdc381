"""JSON Schema (draft 2020-12) with messages that a person understands.

Owns the wording of every validation message, for the parameters of a request and for the files of
the catalog alike. A message never repeats the value: it may be a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from app import exact_json
from app.catalog.formats import FORMATS
from app.catalog.patterns import compile_pattern

Schema = Mapping[str, Any]
Faults = Iterator[ValidationError]
Keyword = Callable[[Any, Any, Any, Schema], Faults]
TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def find_faults(schema: Schema, value: object) -> dict[tuple[str | int, ...], str]:
    """Return the message for each bad place in ``value``, keyed by its path; one a place."""
    faults: dict[tuple[str | int, ...], str] = {}
    errors = sorted(_VALIDATOR(schema).iter_errors(value), key=lambda e: e.validator != "type")
    for error in errors:
        faults.setdefault(tuple(error.absolute_path), error.message)
    return faults


def _type(validator: Any, types: Any, value: Any, schema: Schema) -> Faults:
    names = [types] if isinstance(types, str) else types
    if not any(validator.is_type(value, name) for name in names):
        yield ValidationError("must be " + " or ".join(TYPE_WORDS[name] for name in names))


def _required(validator: Any, names: Any, value: Any, schema: Schema) -> Faults:
    if validator.is_type(value, "object"):
        for name in names:
            if name not in value:
                yield ValidationError("is required", path=[name])


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Schema) -> Faults:
    if not validator.is_type(value, "object"):
        return
    known = schema.get("properties", {})
    for name in value:
        if name in known:
            continue
        if allowed is False:
            yield ValidationError(_unknown_field(name, known), path=[name])
        else:
            yield from validator.descend(value[name], allowed, path=name)


def _unknown_field(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name[:80], known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    fields = f"the fields are: {', '.join(sorted(known))}" if known else "no field is allowed here"
    return f"is not a known field{hint}; {fields}"


def _enum(validator: Any, choices: Any, value: Any, schema: Schema) -> Faults:
    if not any(_equal(value, choice) for choice in choices):
        words = ["null" if choice is None else str(choice) for choice in choices]
        yield ValidationError(f"must be one of: {', '.join(words)}")


def _const(validator: Any, wanted: Any, value: Any, schema: Schema) -> Faults:
    if not _equal(value, wanted):
        yield ValidationError(f"must be {'null' if wanted is None else wanted}")


def _multiple_of(validator: Any, step: Any, value: Any, schema: Schema) -> Faults:
    if validator.is_type(value, "number") and Decimal(str(value)) % Decimal(str(step)):
        yield ValidationError(f"must be a multiple of {step}{_unit(schema)}")


def _any_of(validator: Any, branches: Sequence[Schema], value: Any, schema: Schema) -> Faults:
    if not _fitting(validator, branches, value):
        yield ValidationError(f"must fit one of: {_forms(branches)}")


def _one_of(validator: Any, branches: Sequence[Schema], value: Any, schema: Schema) -> Faults:
    fitting = _fitting(validator, branches, value)
    if not fitting:
        yield ValidationError(f"must fit one of: {_forms(branches)}")
    elif len(fitting) > 1:
        yield ValidationError(f"fits more than one of these, choose one: {_forms(fitting)}")


def _fitting(validator: Any, branches: Sequence[Schema], value: Any) -> list[Schema]:
    return [branch for branch in branches if validator.evolve(schema=branch).is_valid(value)]


def _forms(branches: Sequence[Schema]) -> str:
    """Name each form by its title, else by the fields that it needs."""
    return "; ".join(
        branch.get("title") or " and ".join(branch.get("required", ())) or f"form {number}"
        for number, branch in enumerate(branches, 1)
    )


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _pattern(validator: Any, pattern: Any, value: Any, schema: Schema) -> Faults:
    if isinstance(value, str) and not compile_pattern(pattern).search(value):
        yield ValidationError(schema.get("x-message", f"must match the pattern {pattern}"))


def _format(validator: Any, name: Any, value: Any, schema: Schema) -> Faults:
    check = FORMATS.get(name)
    if isinstance(value, str) and check is not None and not check(value):
        yield ValidationError(schema.get("x-message", f"must be of the format {name}"))


def _bound(words: str, is_good: Callable[[Any, Any], bool]) -> Keyword:
    def check(validator: Any, bound: Any, value: Any, schema: Schema) -> Faults:
        if validator.is_type(value, "number") and not is_good(value, bound):
            yield ValidationError(f"must be {words} {bound}{_unit(schema)}")

    return check


def _size(kind: str, words: str, noun: str, is_good: Callable[[int, int], bool]) -> Keyword:
    def check(validator: Any, bound: Any, value: Any, schema: Schema) -> Faults:
        if validator.is_type(value, kind) and not is_good(len(value), bound):
            if bound == 1 and words == "at least":
                yield ValidationError("must not be empty")
            else:
                yield ValidationError(f"must have {words} {bound} {noun}")

    return check


def _unit(schema: Schema) -> str:
    return f" {schema['x-unit']}" if "x-unit" in schema else ""


def _unique_items(validator: Any, wanted: Any, value: Any, schema: Schema) -> Faults:
    if wanted and validator.is_type(value, "array"):
        seen: set[str] = set()
        for index, item in enumerate(value):
            text = _comparable(item)
            if text in seen:
                yield ValidationError("repeats an earlier entry", path=[index])
            seen.add(text)


def _at_least(value: Any, bound: Any) -> bool:
    return bool(value >= bound)


def _at_most(value: Any, bound: Any) -> bool:
    return bool(value <= bound)


def _is_more(value: Any, bound: Any) -> bool:
    return bool(value > bound)


def _is_less(value: Any, bound: Any) -> bool:
    return bool(value < bound)


_VALIDATOR = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "type": _type,
        "required": _required,
        "additionalProperties": _additional_properties,
        "enum": _enum,
        "const": _const,
        "multipleOf": _multiple_of,
        "anyOf": _any_of,
        "oneOf": _one_of,
        "pattern": _pattern,
        "format": _format,
        "minimum": _bound("at least", _at_least),
        "maximum": _bound("at most", _at_most),
        "exclusiveMinimum": _bound("more than", _is_more),
        "exclusiveMaximum": _bound("less than", _is_less),
        "minLength": _size("string", "at least", "characters", _at_least),
        "maxLength": _size("string", "at most", "characters", _at_most),
        "minItems": _size("array", "at least", "entries", _at_least),
        "maxItems": _size("array", "at most", "entries", _at_most),
        "minProperties": _size("object", "at least", "fields", _at_least),
        "maxProperties": _size("object", "at most", "fields", _at_most),
        "uniqueItems": _unique_items,
    },
)


def _comparable(item: object) -> str:
    """Return a text that is the same for equal values, also for one that JSON cannot hold."""
    try:
        return exact_json.dumps(item, sort_keys=True)
    except ValueError:
        return repr(item)  # infinity or NaN, which is refused where it stands
