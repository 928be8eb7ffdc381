r"""Regular expressions that mean the same in Python, in JavaScript and in every SDK.

Owns the common subset of ECMA-262 and Python, and how Python must read it: ``$`` only at the very
end (Python also stops before a last newline), ``\d`` and ``\w`` only ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

CLASS_ESCAPES = frozenset("dDwWsSbBtnrfv")
SYNTAX_CHARACTERS = frozenset("^$\\.*+?()[]{}|/-")


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile ``pattern`` so that ``search`` decides as ECMA-262 does."""
    parts = (r"\Z" if is_dollar else text for text, is_dollar in _tokens(pattern))
    return re.compile("".join(parts), re.ASCII)


def find_pattern_fault(pattern: str) -> str | None:
    """Say why ``pattern`` is outside the common subset, as advice, or return ``None``."""
    try:
        compile_pattern(pattern)
    except re.error as error:
        return f"is not a regular expression ({error})"
    if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.endswith(r"\$"):
        return "accepts text around the match; start it with ^ and end it with $"
    depth = 0
    for text, _ in _tokens(pattern):
        if text == "|" and depth == 0:
            return "has alternatives outside a group; write ^(?:…|…)$"
        if not all(_is_portable(part) for part in _escapes(text) or [text]):
            return f"uses {text}, which not every language knows; write it otherwise"
        depth += text.startswith("(") - (text == ")")
    return None


def _escapes(token: str) -> list[str]:
    """Return the escapes in ``token``: a class may have several."""
    return re.findall(r"\\.", token, re.DOTALL)


def _is_portable(text: str) -> bool:
    if text.startswith("\\"):
        return text[1] in CLASS_ESCAPES or text[1] in SYNTAX_CHARACTERS
    if text.startswith("(?"):
        return text in ("(?:", "(?=", "(?!")
    return text not in ("*+", "++", "?+")


def _tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield each token, and whether it is the anchor ``$`` (not escaped, not in a class)."""
    token = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<[=!]|\(\?P?.|[*+?]\+|.", re.DOTALL)
    for match in token.finditer(pattern):
        yield match.group(), match.group() == "$"
