"""JSON whose numbers are exact, and which is always valid: the one reader and writer of values.

Terraform's numbers have up to 512 bits, a float 53. So a number becomes a float only where nothing
is lost; any other becomes a ``Decimal`` and is written with all its digits. ``NaN`` and
``Infinity`` are no JSON and are refused in both directions.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

MAX_INTEGER_DIGITS = 308
"""More may be beyond the range of a float. Python itself reads no more than 4,300."""


def loads(text: str | bytes | bytearray, **options: Any) -> Any:
    """Read JSON; ``options`` are those of ``json.loads``.

    Raises:
        ValueError: not JSON, or with ``NaN`` or ``Infinity``.
    """
    if options or not isinstance(text, str):
        return json.loads(text, **(_READING | options))
    return _DECODER.decode(text)


def dumps(value: Any, *, large_as_text: bool = False, **options: Any) -> str:
    """Write JSON with every digit of every number; ``options`` are those of ``json.dumps``.

    Args:
        value: what is written.
        large_as_text: for readers who may read floats only: numbers beyond those become texts.
        options: as ``json.dumps`` takes them.

    Raises:
        ValueError: it holds ``nan`` or an infinity.
        TypeError: it holds what JSON has no form for.
    """
    otherwise: Callable[[Any], Any] | None = options.pop("default", None)
    mark = ""
    numbers: list[Decimal] = []

    def note(item: Any) -> Any:
        nonlocal mark
        if large_as_text and is_beyond_floats(item):
            return str(item)
        if isinstance(item, Decimal) and item.is_finite():
            # A text with this mark cannot be among the values: it is new for each call.
            mark = mark or secrets.token_hex(16)
            numbers.append(item)
            return f"{mark}{len(numbers) - 1}{mark}"
        if otherwise is None:
            raise TypeError(f"{type(item).__name__} has no form in JSON")
        return otherwise(item)

    text = json.dumps(value, allow_nan=False, default=note, **options)
    if not numbers:
        return text
    first, *parts = text.split(f'"{mark}')
    written = [first]
    for part in parts:
        number, _, rest = part.partition(f'{mark}"')
        written += [str(numbers[int(number)]), rest]
    return "".join(written)


def is_beyond_floats(number: Any) -> bool:
    """Tell whether a number is too large, or too near to 0, for programs that read floats."""
    if not isinstance(number, Decimal):
        return False
    value = float(number)
    return math.isinf(value) or (value == 0) != (number == 0)


def places_beyond_floats(value: Any) -> list[str]:
    """Return where numbers beyond floats stand in a JSON value, as paths like ``sizes/0/max``."""
    if isinstance(value, dict):
        parts = [(str(name), part) for name, part in value.items()]
    elif isinstance(value, list):
        parts = [(str(index), part) for index, part in enumerate(value)]
    else:
        return [""] if is_beyond_floats(value) else []
    return [
        f"{name}/{place}".rstrip("/")
        for name, part in parts
        for place in places_beyond_floats(part)
    ]


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else Decimal(text)


def _real(text: str) -> float | Decimal:
    number, exact = float(text), Decimal(text)
    is_exact = math.isfinite(number) and Decimal(repr(number)) == exact
    return number if is_exact else exact


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


_READING: dict[str, Any] = {
    "parse_int": _integer,
    "parse_float": _real,
    "parse_constant": _refuse,
}
# The text of each JSON column is read by it: to make one takes longer than most texts do.
_DECODER = json.JSONDecoder(**_READING)
