"""Give a state file another serial by editing nothing but its digits.

Every other byte stays as Terraform wrote it: re-encoding could lose the precision of a number or
what a newer Terraform keeps beside the parts that Landform knows. Pure.
"""

from __future__ import annotations

import json
import re

from app.domain.state_errors import StateError
from app.domain.state_file import StateFile

MAX_SERIAL = 2**63 - 1
_SPACE = re.compile(r"[ \t\r\n]*")


def with_serial(data: bytes, serial: int) -> bytes:
    """Return the bytes of a state with ``serial`` in the place of its own.

    Args:
        data: a complete state file.
        serial: the new one, from 0 to 2^63-1.

    Raises:
        StateError: ``data`` is no complete state, or says its serial more than once.
    """
    if not 0 <= serial <= MAX_SERIAL:
        raise StateError(f"{serial} cannot be the serial of a state.")
    StateFile.parse(data)
    text = data.decode("utf-8")
    start, end = _span_of_serial(text)
    raised = (text[:start] + str(serial) + text[end:]).encode("utf-8")
    if StateFile.parse(raised).serial != serial:
        raise StateError("The serial of the state could not be set.")
    return raised


def _span_of_serial(text: str) -> tuple[int, int]:
    """Return where the value of the top-level ``serial`` starts and ends in a JSON object."""
    decoder = json.JSONDecoder()
    found: list[tuple[int, int]] = []
    position = _skip(text, _skip(text, 0) + 1)
    while text[position] != "}":
        name, position = decoder.raw_decode(text, position)
        start = _skip(text, _skip(text, position) + 1)
        _, end = decoder.raw_decode(text, start)
        if name == "serial":
            found.append((start, end))
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    if len(found) != 1:
        raise StateError("The state says its serial more than once.")
    return found[0]


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position
