"""Constants, steps, open bounds, and values that fit one of several forms."""

from __future__ import annotations

from typing import Any

import pytest

from app.catalog.parameters import ParameterSchema
from app.errors import ValidationError
from tests.catalog.conftest import BUCKET, CatalogFolder

SOURCE = """
origin:
  type: object
  title: Source
  description: Where it comes from.
  properties:
    address: {type: string, format: uri}
    snapshot: {type: string}
    age: {type: integer, default: 1}
  oneOf:
    - required: [address]
      title: an address
    - required: [snapshot]
      title: a snapshot
"""


def problems(schema: dict[str, Any], value: object) -> list[str]:
    parameters = ParameterSchema({"value": schema}, [])
    try:
        parameters.validate({"value": value}, pointer_prefix="")
    except ValidationError as error:
        return [f"{item.pointer} {item.message}" for item in error.problems]
    return []


@pytest.mark.parametrize(
    ("schema", "good", "bad", "message"),
    [
        ({"type": "string", "const": "on"}, ["on"], ["off", ""], "Must be on."),
        ({"type": "integer", "const": 1}, [1], [0, 2], "Must be 1."),
        (
            {"type": "integer", "multipleOf": 64},
            [0, 64, -128],
            [1, 63],
            "Must be a multiple of 64.",
        ),
        (
            {"type": "number", "multipleOf": 0.1},
            [0.3, 1.1, 7],
            [0.35],
            "Must be a multiple of 0.1.",
        ),
        ({"type": "number", "exclusiveMinimum": 0}, [0.1], [0, -1], "Must be more than 0."),
        ({"type": "number", "exclusiveMaximum": 9}, [8.9], [9, 10], "Must be less than 9."),
    ],
)
def test_a_keyword_takes_and_refuses(
    schema: dict[str, Any], good: list[object], bad: list[object], message: str
) -> None:
    for value in good:
        assert problems(schema, value) == [], value
    for value in bad:
        assert problems(schema, value) == [f"/value {message}"], value


def test_a_boolean_is_no_constant_one() -> None:
    assert problems({"type": ["integer", "boolean"], "const": 1}, True) == ["/value Must be 1."]


def test_a_value_fits_one_form_and_the_message_names_them(folder: CatalogFolder) -> None:
    folder.add_parameter(SOURCE, {"origin": "object({ address = string })"})
    bucket = folder.load().kind("bucket")
    done = bucket.validate({"origin": {"snapshot": "s"}})
    assert done["origin"] == {"snapshot": "s", "age": 1}
    for value, message in (
        ({}, "Must fit one of: an address; a snapshot."),
        ({"age": 2}, "Must fit one of: an address; a snapshot."),
        (
            {"address": "urn:a:b", "snapshot": "s"},
            "Fits more than one of these, choose one: an address; a snapshot.",
        ),
    ):
        with pytest.raises(ValidationError) as caught:
            bucket.validate({"origin": value})
        found = [(item.pointer, item.message) for item in caught.value.problems]
        assert found == [("/parameters/origin", message)]
    shown = bucket.parameters["properties"]["origin"]
    assert [form["required"] for form in shown["oneOf"]] == [["address"], ["snapshot"]]


def test_any_of_takes_what_fits_at_least_one_form() -> None:
    forms = [{"format": "ipv4"}, {"format": "ipv6"}, {"type": "null"}]
    schema = {"type": ["string", "null"], "anyOf": forms}
    assert problems(schema, "192.0.2.1") == problems(schema, "::1") == problems(schema, None) == []
    assert problems(schema, "x") == ["/value Must fit one of: form 1; form 2; form 3."]


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        (
            "[address]\n",
            "[adress]\n",
            "[adress]",
            "needs adress, which its parameter does not have",
        ),
        ("title: a snapshot", "default: {}", "default: {}", "default is not a known field"),
        ("title: a snapshot", "sensitive: true", "sensitive", "sensitive is not a known field"),
        ("title: a snapshot", "properties: {old: {const: 1}}", "old", "has old, which its"),
        ("title: a snapshot", "type: string # no", "# no", "allows string, its parameter does"),
        ("title: a snapshot", "minLength: 3", "minLength", "is not of type string, so minLength"),
        ("title: a snapshot", "not: {}", "not:", "not is not a known field"),
        (
            "title: a snapshot",
            "properties: {snapshot: {pattern: a}}",
            "pattern",
            "has a pattern that accepts text around",
        ),
        (
            "        - required: [snapshot]\n          title: a snapshot\n",
            "",
            "oneOf",
            "at least 2",
        ),
        ("age: {type: integer", "age: {type: integer, if: {}", "if:", "if is not a known field"),
    ],
)
def test_a_form_that_would_have_no_effect_is_a_mistake(
    folder: CatalogFolder, old: str, new: str, line: str, complaint: str
) -> None:
    folder.add_parameter(SOURCE, {"origin": "any"})
    folder.replace(BUCKET, old, new)
    found = [text for text in folder.diagnostics() if complaint in text]
    assert found, folder.diagnostics()
    assert found[0].startswith(f"{BUCKET}:{folder.line_of(BUCKET, line)}:")
