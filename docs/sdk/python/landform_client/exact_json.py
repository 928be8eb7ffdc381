"""JSON whose numbers keep every digit, as the API gives and takes them.

A number becomes a ``float`` only where nothing is lost; any other becomes a ``Decimal`` and is
written with all its digits.
"""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from typing import Any


def loads(text: str | bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(text, parse_float=_read_number)


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Write JSON; a ``Decimal`` is written as a number.

    Raises:
        ValueError: it holds ``nan`` or an infinity.
        TypeError: it holds what JSON has no form for.
    """
    numbers: list[Decimal] = []
    mark = secrets.token_hex(16)  # new for each call, so that no text among the values has it

    def note(item: object) -> str:
        if not isinstance(item, Decimal):
            raise TypeError(f"{type(item).__name__} has no form in JSON")
        if not item.is_finite():
            raise ValueError(f"{item} has no form in JSON")
        numbers.append(item)
        return f"{mark}{len(numbers) - 1}{mark}"

    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False, default=note)
    for index, number in enumerate(numbers):
        text = text.replace(f'"{mark}{index}{mark}"', str(number), 1)
    return text


def _read_number(text: str) -> float | Decimal:
    exact, rounded = Decimal(text), float(text)
    return rounded if Decimal(repr(rounded)) == exact else exact
