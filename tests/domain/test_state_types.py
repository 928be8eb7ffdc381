"""Which types a state may name, and which values are of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.domain.state_types import conforms, is_type

PAIR: list[Any] = ["tuple", ["string", "bool"]]
THING: list[Any] = ["object", {"a": "number", "b": "string"}]


@pytest.mark.parametrize(
    "type_",
    [
        "string",
        "number",
        "bool",
        "dynamic",
        ["list", "string"],
        ["set", "number"],
        ["map", ["list", "bool"]],
        PAIR,
        ["tuple", []],
        THING,
        ["object", {}],
        ["object", {"a": "number"}, ["a"]],
        ["object", {"a": "number"}, []],
    ],
)
def test_what_terraform_writes_is_a_type(type_: Any) -> None:
    assert is_type(type_) is True


@pytest.mark.parametrize(
    "type_",
    [
        None,
        7,
        "",
        "text",
        {},
        [],
        ["list"],
        ["list", "text"],
        ["list", "string", "string"],
        ["list", "string", []],
        ["map", "string", ["a"]],
        ["bag", "string"],
        ["tuple", "string"],
        ["tuple", {"a": "string"}],
        ["tuple", ["string", "text"]],
        ["object", ["string"]],
        ["object", "string"],
        ["object", {"a": "text"}],
        ["object", {"a": "number"}, "a"],
        ["object", {"a": "number"}, [1]],
        ["object", {"a": "number"}, None],
        ["object", {"a": "text"}, ["a"]],
        ["object", {"a": "number"}, ["a"], []],
        ["string", {"a": "number"}],
    ],
)
def test_anything_else_is_none(type_: Any) -> None:
    assert not is_type(type_)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("x", "string"),
        (1, "number"),
        (1.5, "number"),
        (Decimal("1e400"), "number"),
        (False, "bool"),
        (["x", None], ["list", "string"]),
        ([], ["set", "number"]),
        ({"any": 1, "name": None}, ["map", "number"]),
        (["x", True], PAIR),
        ([None, None], PAIR),
        ({"a": 1, "b": "x"}, THING),
        ({"a": 1}, THING),
        ({}, THING),
        ({"value": 1, "type": "number"}, "dynamic"),
        ({"value": ["x"], "type": ["list", "string"]}, "dynamic"),
    ],
)
def test_a_value_is_of_its_type(value: Any, type_: Any) -> None:
    assert conforms(value, type_) is True


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1, "string"),
        ("1", "number"),
        (True, "number"),
        (0, "bool"),
        (["x", 1], ["list", "string"]),
        ("xy", ["list", "string"]),
        ({"x": "y"}, ["set", "string"]),
        ({"a": "x"}, ["map", "number"]),
        ([1], ["map", "number"]),
        (["x"], PAIR),
        (["x", True, True], PAIR),
        ([True, "x"], PAIR),
        ("xy", ["tuple", ["string", "string"]]),
        ({"a": "x"}, THING),
        ({"c": 1}, THING),
        ([1], THING),
        ("x", "dynamic"),
        ({"value": 1}, "dynamic"),
        ({"value": 1, "type": "string"}, "dynamic"),
        ({"value": 1, "type": "text"}, "dynamic"),
        ({"value": 1, "type": "number", "more": 1}, "dynamic"),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, type_: Any) -> None:
    assert not conforms(value, type_)


@pytest.mark.parametrize("type_", ["string", "bool", ["list", "string"], PAIR, THING, "dynamic"])
def test_every_type_may_be_without_a_value(type_: Any) -> None:
    assert conforms(None, type_) is True
