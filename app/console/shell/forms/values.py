"""From what was typed into a form to the JSON values of a request, and back.

Text that is no number where one is needed is passed on as it is: the one place that judges values
is the blueprint, and its message then stands at the field with what was typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app import exact_json
from app.console.shell.forms.fields import Field, leaves, types_of
from app.errors import FieldProblem, ValidationError

Typed = Mapping[str, str]
ON = "on"


class _Absent:
    """Stands for a value that was left out, which is not null."""


ABSENT = _Absent()


def initial_values(fields: Iterable[Field]) -> dict[str, str]:
    """Return what the fields show before anybody typed: the defaults."""
    return {
        item.pointer: written(item, item.default) for item in leaves(fields) if not item.is_secret
    }


def read_parameters(fields: Iterable[Field], typed: Typed) -> dict[str, Any]:
    """Return the object that was typed into ``fields``.

    Raises:
        ValidationError: a text cannot be read as a map or as JSON; every such field is named.
    """
    problems: list[FieldProblem] = []
    values = _read_object(fields, typed, problems)
    if problems:
        raise ValidationError("Some fields are invalid.", problems=tuple(problems))
    return values


def read_pairs(text: str, pointer: str, problems: list[FieldProblem]) -> dict[str, str]:
    """Read ``name=value`` lines; a line without ``=`` or a repeated name is a problem."""
    found: dict[str, str] = {}
    for line in _lines(text):
        name, sign, value = (part.strip() for part in line.partition("="))
        if not sign or not name:
            problems.append(FieldProblem(pointer, f"Use name=value on each line, not {line!r}."))
        elif name in found:
            problems.append(FieldProblem(pointer, f"{name!r} is listed twice."))
        else:
            found[name] = value
    return found


def _read_object(
    fields: Iterable[Field], typed: Typed, problems: list[FieldProblem]
) -> dict[str, Any]:
    values = {}
    for item in fields:
        value = _read(item, typed, problems)
        if value is not ABSENT:
            values[item.schema_name] = value
    return values


def _read(item: Field, typed: Typed, problems: list[FieldProblem]) -> Any:
    if item.control == "group":
        inner = _read_object(item.children, typed, problems)
        return inner if inner or item.is_required else ABSENT
    text = typed.get(item.pointer, "")
    if item.control == "checkbox":
        return text == ON
    if not text.strip():
        return _empty(item)
    # A start-up script keeps its line breaks as a file has them; browsers send CR LF.
    return READERS.get(item.control, _read_text)(item, text.replace("\r\n", "\n"), problems)


def _read_text(item: Field, text: str, _: list[FieldProblem]) -> Any:
    return _scalar(text, types_of(item.schema))


def _read_lines(item: Field, text: str, _: list[FieldProblem]) -> Any:
    types = types_of(item.schema.get("items", {}))
    return [_scalar(line, types) for line in _lines(text)]


def _read_map(item: Field, text: str, problems: list[FieldProblem]) -> Any:
    types = types_of(item.schema.get("additionalProperties", {}))
    pairs = read_pairs(text, item.pointer, problems)
    return {name: _scalar(value, types) for name, value in pairs.items()}


def _read_choice(item: Field, text: str, _: list[FieldProblem]) -> Any:
    for value in item.schema.get("enum", ()):
        if text in (value, exact_json.dumps(value)):
            return value
    return _scalar(text, types_of(item.schema))


def _read_json(item: Field, text: str, problems: list[FieldProblem]) -> Any:
    try:
        return exact_json.loads(text)
    except (ValueError, RecursionError) as error:
        problems.append(FieldProblem(item.pointer, f"Not valid JSON: {error}."))
        return ABSENT


READERS = {"lines": _read_lines, "pairs": _read_map, "choice": _read_choice, "json": _read_json}


def _empty(item: Field) -> Any:
    if item.is_nullable:
        return None
    if item.has_default and item.control in ("lines", "pairs"):
        return [] if item.control == "lines" else {}
    return ABSENT


def _scalar(text: str, types: frozenset[str]) -> Any:
    stripped = text.strip()
    if "boolean" in types and stripped in ("true", "false"):
        return stripped == "true"
    for name, convert in (("integer", int), ("number", float)):
        if name in types and "string" not in types:
            try:
                return convert(stripped)
            except ValueError:
                continue
    return text if "\n" in text else stripped


def written(item: Field, value: Any) -> str:
    """Return the text that a field shows for a value."""
    if value is None:
        return ""
    if item.control == "checkbox":
        return ON if value else ""
    if item.control == "lines":
        return "\n".join(_text(entry) for entry in value)
    if item.control == "pairs":
        return "\n".join(f"{name}={_text(entry)}" for name, entry in value.items())
    return _text(value) if item.control != "json" else exact_json.dumps(value, indent=2)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else exact_json.dumps(value)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
