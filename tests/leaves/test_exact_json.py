"""Numbers go through JSON with every digit, and nothing that is no JSON is ever written."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import exact_json

NUMBERS = (
    st.integers(-(10**600), 10**600)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def digits(value: Any) -> Any:
    """Return a value with each number as what its digits say."""
    if isinstance(value, bool) or not isinstance(value, dict | list | float | int | Decimal):
        return value
    if isinstance(value, dict):
        return {name: digits(part) for name, part in value.items()}
    return [digits(part) for part in value] if isinstance(value, list) else Decimal(str(value))


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    text = exact_json.dumps(value)
    json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=refuse)
    assert digits(exact_json.loads(text)) == digits(value)


@given(VALUES)
def test_readers_of_floats_meet_no_infinity(value: Any) -> None:
    text = exact_json.dumps(value, large_as_text=True, sort_keys=True, indent=1)

    def read(number: str) -> float:
        assert math.isfinite(float(number))
        return float(number)

    json.loads(text, parse_float=read, parse_constant=refuse)


@pytest.mark.parametrize(
    "text", ["98765432109876543210", "0.12345678901234567890123456789", "1E-400", "-1.5", "1e400"]
)
def test_the_digits_stay(text: str) -> None:
    assert Decimal(exact_json.dumps(exact_json.loads(text))) == Decimal(text)


def test_a_float_is_used_where_nothing_is_lost() -> None:
    assert [type(exact_json.loads(text)) for text in ("1.5", "0.1", "7", "1e300")] == [
        float,
        float,
        int,
        float,
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, Decimal("NaN")])
def test_what_is_no_number_is_not_written(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        exact_json.dumps({"a": [value]})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "[1, NaN]"])
def test_what_is_no_number_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON number"):
        exact_json.loads(text)


def test_places_of_numbers_beyond_floats_are_named() -> None:
    value = {"a": Decimal("1e400"), "b": [1, {"c": Decimal("1e-400")}], "d": Decimal("0.1")}
    assert exact_json.places_beyond_floats(value) == ["a", "b/1/c"]
