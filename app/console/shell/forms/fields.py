"""The fields of a form, made from the JSON Schema of a kind's parameters.

A field is named by the JSON pointer of its value in the request body, so that a problem which a
service reports finds its field by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.catalog.catalog import Cloud
from app.clock import utc_now
from app.errors import FieldProblem

LONG_TEXT = 200
MAX_LOOKED_AT = 12
SCALAR_CONTROLS = {
    ("string",): "text",
    ("integer",): "number",
    ("number",): "number",
    ("integer", "number"): "number",
}
SIMPLE = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True)
class Option:
    """One choice of a field; ``note`` says more."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Field:
    """One field.

    ``control`` is text, number, checkbox, choice, lines (a list, one entry a line), pairs (a map,
    ``name=value`` a line), json, secret, long_secret, or group, whose ``children`` are shown.
    """

    pointer: str
    control: str
    label: str
    help: str = ""
    unit: str = ""
    example: str = ""
    is_required: bool = False
    is_immutable: bool = False
    is_nullable: bool = False
    default: Any = None
    has_default: bool = False
    limits: str = ""
    options: tuple[Option, ...] = ()
    empty_note: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[Field, ...] = ()
    refreshes: str = ""
    """CSS selectors of the fields that offer something else once this one changes."""

    @property
    def schema_name(self) -> str:
        """The name of its value in the object that holds it."""
        return self.pointer.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")

    @property
    def html_id(self) -> str:
        """An id for HTML, made from the pointer."""
        return "f" + self.pointer.replace("/", "-").replace("~", "-")

    @property
    def is_long_choice(self) -> bool:
        """Tell whether a person finds a stack by typing rather than by looking at all of them."""
        return "x-references" in self.schema and len(self.options) > MAX_LOOKED_AT

    @property
    def is_of_place(self) -> bool:
        """Tell whether it offers what the project and the cloud account have."""
        return "x-references" in self.schema or "x-vocabulary" in self.schema

    @property
    def is_secret(self) -> bool:
        """Tell whether its value must never be sent back to the browser."""
        return self.control in ("secret", "long_secret")


Choices = Callable[[str], Iterable[Option]]
"""Given a kind, the stacks of that kind which the new stack may refer to."""


def build_fields(
    schema: Mapping[str, Any], prefix: str, cloud: Cloud | None, stacks_of: Choices
) -> tuple[Field, ...]:
    """Return the fields of an object schema.

    Args:
        schema: a published draft 2020-12 schema of type object.
        prefix: JSON pointer of the object.
        cloud: narrows neutral words, such as sizes, to what it offers.
        stacks_of: gives the choices of a reference.
    """
    required = schema.get("required", ())
    return tuple(
        _field(f"{prefix}/{_escape(name)}", name, child, name in required, cloud, stacks_of)
        for name, child in schema.get("properties", {}).items()
    )


def problems_of(field_: Field, problems: Iterable[FieldProblem]) -> list[str]:
    """Return the messages that belong at a field: its own, and those of places inside it."""
    if field_.control == "group":
        return [item.message for item in problems if item.pointer == field_.pointer]
    inside = field_.pointer + "/"
    return [
        item.message
        for item in problems
        if item.pointer == field_.pointer or item.pointer.startswith(inside)
    ]


def leaves(fields: Iterable[Field]) -> Iterable[Field]:
    """Yield every field and every child."""
    for item in fields:
        yield item
        yield from leaves(item.children)


def _field(
    pointer: str,
    name: str,
    schema: Mapping[str, Any],
    is_required: bool,
    cloud: Cloud | None,
    stacks_of: Choices,
) -> Field:
    control = _control(schema)
    reference = schema.get("x-references")
    options = _options(schema, control, is_required, cloud, stacks_of)
    return Field(
        pointer=pointer,
        control=control,
        label=schema.get("title", name),
        help=schema.get("description", ""),
        unit=schema.get("x-unit", ""),
        example=str(schema["examples"][0]) if schema.get("examples") and not reference else "",
        is_required=is_required,
        is_immutable=bool(schema.get("x-immutable")),
        is_nullable="null" in types_of(schema),
        default=schema.get("default"),
        has_default="default" in schema,
        limits=_limits(schema),
        options=options,
        empty_note=reference["kind"] if reference and not any(o.value for o in options) else "",
        schema=schema,
        children=build_fields(schema, pointer, cloud, stacks_of) if control == "group" else (),
    )


def types_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the JSON types that a schema allows."""
    given = schema.get("type", ())
    return frozenset({given} if isinstance(given, str) else given)


def _control(schema: Mapping[str, Any]) -> str:
    if schema.get("x-sensitive"):
        return "long_secret" if schema.get("maxLength", 0) > LONG_TEXT else "secret"
    types = types_of(schema)
    if "enum" in schema or ("x-references" in schema and "array" not in types):
        return "choice"
    match sorted(types - {"null"}):
        case ["boolean"]:
            return "choice" if "null" in types else "checkbox"
        case ["object"]:
            return _object_control(schema)
        case ["array"]:
            return "lines" if types_of(schema.get("items", {})) <= SIMPLE else "json"
        case only:
            return SCALAR_CONTROLS.get(tuple(only), "json")


def _object_control(schema: Mapping[str, Any]) -> str:
    if schema.get("properties"):
        return "group"
    values = schema.get("additionalProperties")
    is_simple = isinstance(values, Mapping) and types_of(values) <= SIMPLE
    return "pairs" if is_simple else "json"


def _options(
    schema: Mapping[str, Any],
    control: str,
    is_required: bool,
    cloud: Cloud | None,
    stacks_of: Choices,
) -> tuple[Option, ...]:
    if control == "lines" and "x-references" in schema:
        return tuple(stacks_of(schema["x-references"]["kind"]))
    if control != "choice":
        return ()
    if "x-references" in schema:
        found = list(stacks_of(schema["x-references"]["kind"]))
    elif "enum" in schema:
        found = [_word(schema, value, cloud) for value in schema["enum"] if value is not None]
        if cloud is not None and "x-vocabulary" in schema:
            offered = cloud.vocabulary.get(schema["x-vocabulary"], {})
            found = [option for option in found if option.value in offered]
    else:
        found = [Option("true", "Yes"), Option("false", "No")]
    has_value = schema.get("default") is not None
    needs_empty = "null" in types_of(schema) or not (has_value or (is_required and not found))
    return (
        (Option("", "Choose…" if is_required else "None"), *found) if needs_empty else tuple(found)
    )


def _word(schema: Mapping[str, Any], value: Any, cloud: Cloud | None) -> Option:
    text = value if isinstance(value, str) else exact_json.dumps(value)
    words = cloud.vocabulary.get(schema.get("x-vocabulary", ""), {}) if cloud else {}
    choice = words.get(text)
    if choice is None:
        return Option(text, text)
    notes = (choice.description, choice.support_note(utc_now().date()))
    return Option(text, choice.title, "; ".join(note for note in notes if note))


def _limits(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{least} to {most}"
    if least is not None:
        return f"at least {least}"
    return f"at most {most}" if most is not None else ""


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
