"""The rule for names of stacks and projects (RFC 1123 label, at most 40 characters)."""

from __future__ import annotations

import re

NAME_PATTERN = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
NAME_RULE = (
    "1 to 40 lower-case letters, digits and hyphens, starting with a letter, "
    "not ending with a hyphen"
)
_NAME = re.compile(NAME_PATTERN.strip("^$"))


def is_storable(text: str) -> bool:
    """Tell whether every database can keep ``text``: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_name(text: str) -> bool:
    """Tell whether ``text`` is a valid name (a trailing newline is not)."""
    return _NAME.fullmatch(text) is not None
