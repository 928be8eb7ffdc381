"""One object for all versions of a kind: whatever one of them takes, it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from app.api.openapi.kind_schemas import patch, shown
from app.catalog.blueprint import KindBlueprint
from app.catalog.parameters import ParameterSchema
from tests.api.rest import Rest


def version(reader: Rest, **properties: Any) -> KindBlueprint:
    """A version of the network with other parameters."""
    return replace(reader.ctx.catalog.kinds["network"], schema=ParameterSchema(properties, []))


NUMBER = {"type": "integer", "title": "Count", "minimum": 1, "default": 1}
TEXT = {"type": "string", "title": "Count as text", "default": "1"}


@pytest.mark.parametrize("value", [3, "3"])
def test_a_parameter_that_changed_takes_the_values_of_each_version(
    reader: Rest, value: object
) -> None:
    versions = [version(reader, count=NUMBER), version(reader, count=TEXT)]
    for merged in (shown(versions), patch(versions)):
        jsonschema.validate({"count": value}, merged)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"count": 0}, merged)
    jsonschema.validate({"count": None}, patch(versions))


def test_what_not_every_version_has_is_not_required(reader: Rest) -> None:
    merged = shown([version(reader, count=NUMBER, size=TEXT), version(reader, count=NUMBER)])
    assert merged["required"] == ["count"]
    assert list(merged["properties"]) == ["count", "size"]


def test_a_secret_is_never_required(reader: Rest) -> None:
    secret = {"type": "string", "title": "Password", "sensitive": True}
    merged = shown([version(reader, password=secret)])
    assert merged["required"] == []
    jsonschema.validate({"password": "********"}, merged)
