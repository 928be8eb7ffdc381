"""What Landform accepts as a JSON value at all, before any schema is asked.

Owns the bounds that keep a request from hurting the process, SQL or Terraform. It must not know
what the value means.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

MAX_DEPTH = 16
MAX_VALUES = 5_000
MAX_STRING_CHARACTERS = 65_536
# Terraform keeps 512 bits of a number, which are 154 digits; it would round what has more.
MAX_DIGITS = 100
MAX_NUMBER = 10**MAX_DIGITS

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class LimitFault:
    """A value that is refused; ``is_fatal`` means that it must not even be looked into."""

    path: Path
    message: str
    is_fatal: bool = False


def find_limit_faults(value: object) -> list[LimitFault]:
    """Return what is unacceptable in ``value``, without recursion."""
    faults: list[LimitFault] = []
    waiting: list[tuple[Path, object]] = [((), value)]
    for count in range(MAX_VALUES + 1):
        if not waiting:
            return faults
        path, item = waiting.pop()
        if count == MAX_VALUES:
            break
        if len(path) > MAX_DEPTH:
            fault = LimitFault(path[:MAX_DEPTH], f"is nested deeper than {MAX_DEPTH} levels", True)
            return [fault]
        message = _scalar_fault(item)
        if message:
            faults.append(LimitFault(path, message, message == _NOT_JSON))
        elif len(waiting) <= MAX_VALUES:
            waiting.extend(_children(path, item, faults))
    return [LimitFault((), f"has more than {MAX_VALUES} values", True)]


_NOT_JSON = "is not a JSON value"


def _scalar_fault(item: object) -> str | None:
    if item is None or isinstance(item, bool | list | dict):
        return None
    if isinstance(item, str):
        return _text_fault(item)
    if isinstance(item, float) and not math.isfinite(item):
        return "must be a finite number"
    if isinstance(item, int | float | Decimal):
        return _number_fault(item)
    return _NOT_JSON


def _number_fault(item: float | Decimal) -> str | None:
    if isinstance(item, Decimal) and len(item.as_tuple().digits) > MAX_DIGITS:
        return f"must have at most {MAX_DIGITS} digits"
    # The float 1e100 is a little more than 10**100: floats are compared with the float.
    if isinstance(item, float):
        is_within = abs(item) <= float(MAX_NUMBER)
    else:
        is_within = abs(item) <= MAX_NUMBER
    return None if is_within else f"must be between -1e{MAX_DIGITS} and 1e{MAX_DIGITS}"


def _text_fault(text: str) -> str | None:
    if len(text) > MAX_STRING_CHARACTERS:
        return f"must have at most {MAX_STRING_CHARACTERS} characters"
    if "\x00" in text:
        return "must not contain a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "must be valid Unicode (it has a lone surrogate)"
    # Terraform would change it (cty normalises every string), so what is kept would not be what is.
    if not unicodedata.is_normalized("NFC", text):
        return "must be in Unicode normal form C (NFC)"
    return None


def _children(path: Path, item: object, faults: list[LimitFault]) -> Iterator[tuple[Path, object]]:
    if isinstance(item, list):
        yield from (((*path, index), child) for index, child in enumerate(item))
    elif isinstance(item, dict):
        for key, child in item.items():
            message = _text_fault(key) if isinstance(key, str) else _NOT_JSON
            if message:
                faults.append(LimitFault(path, f"has a field whose name {message}", True))
            else:
                yield (*path, key), child
