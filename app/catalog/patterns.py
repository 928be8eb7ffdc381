r"""Regular expressions that mean the same in Python, in JavaScript and in every SDK.

Owns the common subset of ECMA-262 and Python, and how Python must read it: ``$`` only at the very
end (Python also stops before a last newline), ``\d`` and ``\w`` only ASCII.
"""

from __future__ import annotations

import re
from functools import lru_cache

PORTABLE_ESCAPES = frozenset("dDwWsSbBtnrfv" + "^$\\.*+?()[]{}|/")
# Possessive repetition is Python's own; the others need an escape in JavaScript's Unicode mode,
# except the hyphen, which may be escaped in a class only.
NOT_PORTABLE = frozenset(("*+", "++", "?+", "}+", "{", "}", "]", r"\-"))
TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<[=!]|\(\?P?.|[*+?}]\+|\{\d+(?:,\d*)?(?:\}(?!\+)|(?=\}\+))|.",
    re.DOTALL,
)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile ``pattern`` so that ``search`` decides as ECMA-262 does."""
    parts = (r"\Z" if token == "$" else token for token in TOKEN.findall(pattern))
    return re.compile("".join(parts), re.ASCII)


def find_pattern_fault(pattern: str) -> str | None:
    """Say why ``pattern`` is outside the common subset, as advice, or return ``None``."""
    try:
        compile_pattern(pattern)
    except re.error as error:
        return f"is not a regular expression ({error})"
    tokens = TOKEN.findall(pattern)
    if tokens[:1] != ["^"] or tokens[-1] != "$":
        return "accepts text around the match; start it with ^ and end it with $"
    depth = 0
    for token in tokens:
        if token == "|" and depth == 0:
            return "has alternatives outside a group; write ^(?:…|…)$"
        if not _is_portable(token):
            return f"uses {token}, which not every language knows; write it otherwise"
        depth += token.startswith("(") - (token == ")")
    return None


def _is_portable(token: str) -> bool:
    if token in NOT_PORTABLE or token.startswith(("[]", "[^]")):
        return False
    if token.startswith("(?"):
        return token in ("(?:", "(?=", "(?!")
    escapes = re.findall(r"\\(.)", token, re.DOTALL)
    also = "-" if token.startswith("[") else ""
    return all(character in PORTABLE_ESCAPES or character == also for character in escapes)
