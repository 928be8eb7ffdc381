"""Text of programs, providers and clouds made safe to store and to show: the one door for it.

A NUL cannot be stored in PostgreSQL, a lone surrogate in no database, and escape sequences would
act on the terminal of whoever reads a log. What has a meaning for a reader stays: line ends, tabs.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
# ECMA-48: control sequences, then strings up to their terminator, then two-character escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def printable(text: str) -> str:
    """Return ``text`` without escape sequences; other controls become U+FFFD.

    A carriage return, with which programs paint over a line, becomes a line end.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub(REPLACEMENT, text)


def storable(text: str) -> str:
    """Return ``text`` as every database takes it: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(REPLACEMENT, text)


def cut(text: str, max_bytes: int) -> str:
    """Return the beginning of ``text`` that has at most ``max_bytes`` in UTF-8."""
    if len(text) * 4 <= max_bytes:
        return text
    data = text.encode("utf-8", "replace")
    return text if len(data) <= max_bytes else data[:max_bytes].decode("utf-8", "ignore")
