"""What of a new version breaks stacks and clients is told from what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.catalog.blueprint import KindBlueprint, OutputSpec
from app.catalog.catalog import Catalog
from app.catalog.parameters import ParameterSchema
from app.catalog.version_diff import find_differences, is_number_high_enough

TEXT = {"type": "string", "title": "T", "description": "D"}
NUMBER = {"type": "integer", "title": "N", "description": "D"}


@pytest.fixture
def make(catalog: Catalog) -> Callable[..., KindBlueprint]:
    bucket = catalog.kind("bucket")

    def made(field: dict[str, Any] | None, *required: str, **more: Any) -> KindBlueprint:
        properties = {} if field is None else {"it": field}
        schema = ParameterSchema(properties, list(required))
        return replace(bucket, **{"schema": schema, "references": {}, "outputs": {}, **more})

    return made


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (TEXT, None, "is gone"),
        (TEXT, NUMBER, "takes no string any more"),
        ({**NUMBER, "type": "number"}, NUMBER, "takes no number any more"),
        ({**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}, "takes no longer b"),
        (TEXT, {**TEXT, "enum": ["a"]}, "takes only some values now"),
        ({**NUMBER, "minimum": 1}, {**NUMBER, "minimum": 2}, "minimum is 2, was 1"),
        (NUMBER, {**NUMBER, "minimum": 0}, "minimum is 0, was none"),
        ({**NUMBER, "maximum": 9}, {**NUMBER, "maximum": 8}, "maximum is 8, was 9"),
        (TEXT, {**TEXT, "maxLength": 5}, "maxLength is 5, was none"),
        (TEXT, {**TEXT, "pattern": "^a$"}, "pattern is another"),
        (TEXT, {**TEXT, "format": "cidr"}, "format is another"),
        (TEXT, {**TEXT, "immutable": True}, "cannot be changed any more"),
        (TEXT, {**TEXT, "sensitive": True}, "is never shown any more"),
        ({**TEXT, "sensitive": True}, TEXT, "is shown now"),
    ],
)
def test_what_refuses_what_was_good_breaks(
    make: Callable[..., KindBlueprint],
    old: dict[str, Any],
    new: dict[str, Any] | None,
    what: str,
) -> None:
    found = find_differences(make(old), make(new))
    assert [(item.place, item.what, item.is_breaking) for item in found if item.is_breaking] == [
        ("parameters.it", what, True)
    ]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (None, TEXT, "is new and may be left out"),
        (NUMBER, {**NUMBER, "type": "number"}, None),
        (TEXT, {**TEXT, "type": ["string", "null"]}, None),
        ({**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}, "takes b as well"),
        ({**TEXT, "enum": ["a"]}, TEXT, None),
        ({**NUMBER, "minimum": 2}, {**NUMBER, "minimum": 1}, "minimum is 1, was 2"),
        ({**NUMBER, "maximum": 8}, {**NUMBER, "maximum": 9}, "maximum is 9, was 8"),
        ({**NUMBER, "maximum": 8}, NUMBER, "has no maximum any more"),
        ({**TEXT, "pattern": "^a$"}, TEXT, "pattern is gone"),
        ({**TEXT, "default": "a"}, {**TEXT, "default": "b"}, "the default is b now"),
        ({**TEXT, "immutable": True}, TEXT, "can be changed now"),
        (TEXT, {**TEXT, "title": "U", "description": "E"}, None),
    ],
)
def test_what_allows_more_breaks_nobody(
    make: Callable[..., KindBlueprint],
    old: dict[str, Any] | None,
    new: dict[str, Any],
    what: str | None,
) -> None:
    found = find_differences(make(old), make(new))
    assert [item.is_breaking for item in found] == ([] if what is None else [False])
    assert [item.what for item in found] == ([] if what is None else [what])


def test_a_parameter_that_must_be_given_breaks(make: Callable[..., KindBlueprint]) -> None:
    for old in (None, TEXT):
        (found,) = find_differences(make(old), make(TEXT, "it"))
        assert found.is_breaking
        assert "must be given" in found.what
    with_default = {**TEXT, "default": "a"}
    assert not any(d.is_breaking for d in find_differences(make(None), make(with_default, "it")))


@pytest.mark.parametrize("keyword", ["items", "properties", "additionalProperties"])
def test_fields_and_entries_are_compared_at_every_depth(
    make: Callable[..., KindBlueprint], keyword: str
) -> None:
    def around(inner: dict[str, Any]) -> dict[str, Any]:
        held = {"deep": inner} if keyword == "properties" else inner
        return {**TEXT, "type": "array" if keyword == "items" else "object", keyword: held}

    old, new = around({**NUMBER, "maximum": 9}), around({**NUMBER, "maximum": 8})
    (found,) = find_differences(make(old), make(new))
    assert found.is_breaking
    assert found.place.startswith("parameters.it.")
    assert find_differences(make(old), make(old)) == []


def test_outputs_that_others_read_must_stay(make: Callable[..., KindBlueprint]) -> None:
    def gives(**outputs: OutputSpec) -> KindBlueprint:
        return make(None, outputs=outputs)

    text = OutputSpec("string", "D", sensitive=False, schema={"type": "string"})
    number = OutputSpec("integer", "D", sensitive=False, schema={"type": "integer"})
    secret = replace(text, sensitive=True)
    for new in ({}, {"a": number}, {"a": secret}):
        assert [d.is_breaking for d in find_differences(gives(a=text), gives(**new))] == [True]
    (more,) = find_differences(gives(a=text), gives(a=text, b=text))
    assert (more.what, more.is_breaking) == ("is new", False)


def test_a_cloud_that_goes_or_offers_less_breaks(make: Callable[..., KindBlueprint]) -> None:
    any_place = make(NUMBER).modules["aws"]
    whole = make(NUMBER, modules={"aws": any_place, "sandbox": any_place}, offers={})
    alone = replace(whole, modules={"aws": any_place})
    (lost,) = find_differences(whole, alone)
    assert (lost.place, lost.is_breaking) == ("clouds.sandbox", True)
    (gained,) = find_differences(alone, whole)
    assert not gained.is_breaking
    less = replace(whole, offers={"aws": {"it": {"type": "integer", "maximum": 5}}})
    (found,) = find_differences(whole, less)
    assert (found.place, found.is_breaking) == ("clouds.aws.it", True)
    assert find_differences(less, whole) == []


@pytest.mark.parametrize(
    ("new_field", "version", "expected"),
    [(TEXT, "1.0.1", True), (TEXT, "1.0.0", False), (None, "1.1.0", False), (None, "2.0.0", True)],
)
def test_a_break_takes_a_new_first_number(
    make: Callable[..., KindBlueprint],
    new_field: dict[str, Any] | None,
    version: str,
    expected: bool,
) -> None:
    old, new = make(TEXT, version="1.0.0"), make(new_field, version=version)
    assert is_number_high_enough(old, new) is expected
