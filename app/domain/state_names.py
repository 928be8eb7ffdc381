"""How things are named in a state that Terraform can read. Pure rules.

Names from an uploaded state come back in pages, logs, events and command lines, so nothing is let
through that cannot be seen: no control characters, none of zero width, none that change directions.
"""

from __future__ import annotations

import re
import unicodedata

_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"
_INDEX = r"(?:\[(?:\d{1,9}|\"(?:[^\"\\]|\\.){0,600}\")\])?"
_RESOURCE = rf"(?:data\.)?{_NAME}\.{_NAME}"
NAME = re.compile(_NAME)
BLOCK_ADDRESS = re.compile(_RESOURCE)
CHECK_ADDRESS = re.compile(rf"(?:(?:output|check|var)\.{_NAME}|{_RESOURCE}{_INDEX})")
DEPOSED_KEY = re.compile(r"[0-9a-f]{8}")
MAX_TEXT = 512
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_name(text: object) -> bool:
    """Whether this can name a resource or an output."""
    return isinstance(text, str) and NAME.fullmatch(text) is not None


def is_plain(text: str, limit: int = MAX_TEXT) -> bool:
    """Whether a text is not too long, and all of it can be seen."""
    return len(text) <= limit and not any(unicodedata.category(char) in UNSEEN for char in text)


def is_index_key(key: object) -> bool:
    """Whether this can tell one instance of a resource from the others."""
    if isinstance(key, str):
        return is_plain(key)
    return isinstance(key, int) and not isinstance(key, bool) and 0 <= key < 2**31


def is_check_address(text: object) -> bool:
    """Whether this can be what a check was about."""
    is_text = isinstance(text, str) and CHECK_ADDRESS.fullmatch(text) is not None
    return is_text and is_plain(str(text), 2 * MAX_TEXT)
