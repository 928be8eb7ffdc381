"""Fields for every shape a JSON Schema can have, and the way back from text to values."""

from __future__ import annotations

from typing import Any

import pytest

from app.console.shell.forms.fields import Field, Option, build_fields, leaves
from app.console.shell.forms.values import initial_values, read_parameters
from app.errors import ValidationError


def fields_for(**properties: dict[str, Any]) -> tuple[Field, ...]:
    schema = {"type": "object", "properties": properties}
    return build_fields(schema, "/parameters", None, lambda kind: [Option("a", kind)])


@pytest.mark.parametrize(
    ("schema", "control"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer"}, "number"),
        ({"type": ["number", "null"]}, "number"),
        ({"type": ["integer", "number"]}, "number"),
        ({"type": "boolean"}, "checkbox"),
        ({"type": ["boolean", "null"]}, "choice"),
        ({"type": "string", "enum": ["a"]}, "choice"),
        ({"type": "string", "x-references": {"kind": "network"}}, "choice"),
        ({"type": "string", "x-sensitive": True}, "secret"),
        ({"type": "string", "x-sensitive": True, "maxLength": 9000}, "long_secret"),
        ({"type": "array", "items": {"type": "string"}}, "lines"),
        ({"type": "array", "items": {"type": "object"}}, "json"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "group"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "pairs"),
        ({"type": "object"}, "json"),
        ({"type": ["string", "integer"]}, "json"),
        ({}, "json"),
    ],
)
def test_each_shape_has_its_control(schema: dict[str, Any], control: str) -> None:
    assert fields_for(thing=schema)[0].control == control


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, " a b ", "a b"),
        ({"type": "string"}, "007", "007"),
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, "4.2", "4.2"),
        ({"type": "number"}, "4.2", 4.2),
        ({"type": ["integer", "null"]}, " ", None),
        ({"type": "boolean"}, "on", True),
        ({"type": "boolean"}, "", False),
        ({"type": ["boolean", "null"]}, "false", False),
        ({"type": ["boolean", "null"]}, "", None),
        ({"type": "integer", "enum": [1, 2]}, "2", 2),
        ({"type": "array", "items": {"type": "integer"}}, "1\r\n\r\n two ", [1, "two"]),
        ({"type": "array", "items": {"type": "string"}, "default": ["a"]}, "", []),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            "a=1\nb = x=y",
            {"a": 1, "b": "x=y"},
        ),
        ({"type": "array", "items": {"type": "object"}}, '[{"a": 1}]', [{"a": 1}]),
        ({"type": "string", "x-sensitive": True}, "a\r\nb", "a\nb"),
    ],
)
def test_text_becomes_the_value_it_means(schema: dict[str, Any], text: str, value: Any) -> None:
    found = read_parameters(fields_for(thing=schema), {"/parameters/thing": text})
    assert found == {"thing": value}
    assert type(found["thing"]) is type(value)


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "integer", "default": 3}])
def test_an_empty_field_is_left_out_so_that_its_default_counts(schema: dict[str, Any]) -> None:
    assert read_parameters(fields_for(thing=schema), {"/parameters/thing": ""}) == {}


def test_a_group_nests_and_an_empty_optional_one_is_left_out() -> None:
    inner = {"type": "object", "properties": {"a/b": {"type": "integer"}, "c": {"type": "string"}}}
    fields = fields_for(group=inner)
    pointers = [item.pointer for item in leaves(fields)]
    assert pointers == ["/parameters/group", "/parameters/group/a~1b", "/parameters/group/c"]
    assert read_parameters(fields, {"/parameters/group/a~1b": "1"}) == {"group": {"a/b": 1}}
    assert read_parameters(fields, {}) == {}


def test_a_value_that_comes_back_unchanged_is_the_default_itself() -> None:
    defaults: dict[str, Any] = {
        "text": "x",
        "count": 3,
        "flag": True,
        "names": ["a", "b"],
        "ports": {"http": 80},
        "rules": [{"port": 1}],
    }
    fields = fields_for(
        text={"type": "string", "default": "x"},
        count={"type": "integer", "default": 3},
        flag={"type": "boolean", "default": True},
        names={"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
        ports={
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "default": {"http": 80},
        },
        rules={"type": "array", "items": {"type": "object"}, "default": [{"port": 1}]},
    )
    assert read_parameters(fields, initial_values(fields)) == defaults


@pytest.mark.parametrize("text", ["{", "nonsense", "[" * 100_000])
def test_text_that_is_no_json_is_a_problem_at_its_field(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_parameters(fields_for(thing={"type": "object"}), {"/parameters/thing": text})
    assert [item.pointer for item in caught.value.problems] == ["/parameters/thing"]


def test_a_map_without_signs_is_a_problem_at_its_field() -> None:
    fields = fields_for(thing={"type": "object", "additionalProperties": {"type": "string"}})
    with pytest.raises(ValidationError) as caught:
        read_parameters(fields, {"/parameters/thing": "a\n=b"})
    assert len(caught.value.problems) == 2
