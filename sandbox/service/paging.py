"""Owns the query language of the resource list: the opaque cursor and the tag syntax. Pure."""

from __future__ import annotations

import base64
import binascii

from sandbox.service.errors import FieldFault, InvalidQueryError


def parse_tags(texts: list[str]) -> list[tuple[str, str]]:
    """Split each `key=value` at its first `=`; the key may contain `:`.

    Raises:
        InvalidQueryError: no `=`, or an empty key.
    """
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidQueryError(
                "A tag is searched as key=value, for example tag=landform:stack=stk_1.",
                (FieldFault("/tag", "must be key=value"),),
            )
        pairs.append((key, value))
    return pairs


def write_cursor(seq: int) -> str:
    """Make a cursor that continues after the resource at this position."""
    return base64.urlsafe_b64encode(f"seq:{seq}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int:
    """Return the position a cursor continues after; 0 (the start) without one.

    Raises:
        InvalidQueryError: not a cursor of ours.
    """
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        text = ""
    prefix, _, digits = text.partition(":")
    if prefix != "seq" or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise InvalidQueryError(
            "The cursor is not one that this API gave out. Start again without it.",
            (FieldFault("/cursor", "is not a cursor"),),
        )
    return int(digits)
