"""The rules for names: of stacks and projects (RFC 1123 label, at most 40 characters), of users."""

from __future__ import annotations

import re

NAME_PATTERN = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
NAME_RULE = (
    "1 to 40 lower-case letters, digits and hyphens, starting with a letter, "
    "not ending with a hyphen"
)
USER_NAME_PATTERN = "^[a-z0-9]([a-z0-9.@+-]{0,62}[a-z0-9])?$"
USER_NAME_RULE = (
    "1 to 64 lower-case letters, digits and . @ + -, starting and ending with a letter or digit"
)
RESERVED_USER_NAMES = frozenset({"system"})  # whom the audit trail names for what runs on schedule
NOT_STORABLE = "Must be valid Unicode without NUL characters."
_NAME = re.compile(NAME_PATTERN.strip("^$"))
_USER_NAME = re.compile(USER_NAME_PATTERN.strip("^$"))


def is_storable(text: str) -> bool:
    """Tell whether every database can keep ``text``: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_user_name(text: str) -> bool:
    """Tell whether a person may be called ``text``; never looks like an id, which has a ``_``."""
    return _USER_NAME.fullmatch(text) is not None and text not in RESERVED_USER_NAMES


def is_name(text: str) -> bool:
    """Tell whether ``text`` is a valid name (a trailing newline is not)."""
    return _NAME.fullmatch(text) is not None
