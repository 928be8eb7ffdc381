"""Finds known secrets by their value, in every spelling that programs give them, and hides them.

Terraform marks values as sensitive, but a provider's error message, or its computed copy of a
value, carries no mark. So whatever is known to be secret is looked for in each text before it is
written. Pure; one walk over a text, whatever the number of secrets.

What is found: the secret itself, as JSON (also of Go, also twice), in HCL and in Python's quotes,
percent-encoded, in base64 at any offset and in both alphabets, each long line of a secret of many
lines, and the beginning of a long one that was cut off. What is not: other encodings (hex, gzip,
base64 broken into lines), texts below ``MIN_SECRET_LENGTH``, numbers below ``MIN_NUMBER_DIGITS``.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

SENSITIVE = "(sensitive value)"
UNKNOWN = "(known after apply)"
"""What stands in a plan for a value that only the cloud will tell."""

# Shorter texts are found by chance in many a harmless word.
MIN_SECRET_LENGTH = 4
MIN_NUMBER_DIGITS = 6
MIN_LINE_LENGTH = 12
MIN_FRAGMENT_LENGTH = 8
# So much of a longer secret gives it away, when the rest was cut off.
TELLING_LENGTH = 32
# Where the first character that belongs wholly to the secret stands, by bytes before it.
BASE64_BEGIN = {0: 0, 1: 2, 2: 3}
BASE64_EXTRA = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\x7f": "\\u007f"}
LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class _Spelling:
    """One way to write a secret; in base64 a character with its last bits may follow."""

    text: str
    is_base64: bool = False


class Redactor:
    """Hides ``secrets`` in texts and in JSON values."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._by_begin: dict[str, list[_Spelling]] = defaultdict(list)
        wanted = {item for item in secrets if len(item) >= MIN_SECRET_LENGTH}
        spelled = {spelling for item in wanted for spelling in _spell(item)}
        # The longest first: of two that begin alike it hides more.
        for spelling in sorted(spelled, key=lambda item: len(item.text), reverse=True):
            self._by_begin[spelling.text[:MIN_SECRET_LENGTH]].append(spelling)

    def text(self, text: str) -> str:
        """Return ``text`` with ``(sensitive value)`` in the place of each secret."""
        parts: list[str] = []
        done = 0
        for start in self._candidates(text):
            end = self._end_of_secret(text, start) if start >= done else None
            if end is not None:
                parts += [text[done:start], SENSITIVE]
                done = end
        return "".join([*parts, text[done:]])

    def is_in(self, text: str) -> bool:
        """Tell whether ``text`` holds a secret."""
        return any(self._end_of_secret(text, start) for start in self._candidates(text))

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON value with the secrets inside its texts and keys hidden."""
        return _walk(value, self.text)

    def blank(self, value: Any) -> Any:
        """Return a copy in which each text that holds a secret is hidden as a whole."""
        return _walk(value, lambda text: SENSITIVE if self.is_in(text) else text)

    def _candidates(self, text: str) -> list[int]:
        begins = self._by_begin
        if not begins:
            return []
        ends = len(text) - MIN_SECRET_LENGTH + 1
        return [at for at in range(ends) if text[at : at + MIN_SECRET_LENGTH] in begins]

    def _end_of_secret(self, text: str, start: int) -> int | None:
        for spelling in self._by_begin[text[start : start + MIN_SECRET_LENGTH]]:
            if text.startswith(spelling.text, start):
                end = start + len(spelling.text)
                return _end_of_base64(text, end) if spelling.is_base64 else end
        return self._end_of_beginning(text, start)

    def _end_of_beginning(self, text: str, start: int) -> int | None:
        """Return where a long secret that was cut off ends, or nothing."""
        known = self._by_begin[text[start : start + MIN_SECRET_LENGTH]]
        long = (item.text for item in known if len(item.text) > TELLING_LENGTH)
        shared = [
            _shared_length(text, start, item)
            for item in long
            if text.startswith(item[:TELLING_LENGTH], start)
        ]
        return start + max(shared) if shared else None


def secret_texts(value: Any) -> Iterator[str]:
    """Yield what to look for of a sensitive JSON value: its texts and its long numbers."""
    if isinstance(value, str):
        if len(value) >= MIN_SECRET_LENGTH:
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from secret_texts(part)
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        yield from [str(value)] * (len(str(value)) >= MIN_NUMBER_DIGITS)


def _shared_length(text: str, start: int, item: str) -> int:
    part = text[start : start + len(item)]
    pairs = enumerate(zip(part, item, strict=False))
    return next((at for at, (one, other) in pairs if one != other), len(part))


def _walk(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {_walk(key, hide): _walk(part, hide) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(part, hide) for part in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if hide(str(value)) == str(value) else SENSITIVE
    return value


def _spell(secret: str) -> Iterator[_Spelling]:
    texts = {secret, secret.strip()}
    for text in (item for item in texts if len(item) >= MIN_SECRET_LENGTH):
        quoted = set(_quoted(text))
        yield from (_Spelling(item) for item in {text, *quoted, *_percent_encoded(text)})
        for item in {text, *quoted}:
            yield from _base64(item.encode(errors="surrogatepass"))
    lines = (line.strip() for line in secret.splitlines()) if len(secret.splitlines()) > 1 else ()
    for line in lines:
        if len(line) >= MIN_LINE_LENGTH:
            yield from (_Spelling(item) for item in {line, *_quoted(line)})


def _quoted(text: str) -> Iterator[str]:
    """Yield the inside of ``text`` in the quotes of Python, Go, HCL, and of JSON within JSON."""
    yield repr(text)[1:-1]
    for is_ascii in (True, False):
        once = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        for inner in {once, _go(once)}:
            yield inner
            twice = json.dumps(inner, ensure_ascii=is_ascii)[1:-1]
            yield from (twice, _go(twice))
        yield once.replace("${", "$${").replace("%{", "%%{")


def _go(quoted: str) -> str:
    for character, escape in (GO_ESCAPES | LINE_ENDS).items():
        quoted = quoted.replace(character, escape)
    return quoted


def _percent_encoded(text: str) -> Iterator[str]:
    for encoded in (
        quote(text, safe="", errors="replace"),
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
    ):
        yield encoded
        yield _lower_hex(encoded)


def _lower_hex(encoded: str) -> str:
    first, *rest = encoded.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _base64(data: bytes) -> Iterator[_Spelling]:
    """Yield what of the base64 of any document is sure to be there when it holds ``data``."""
    for before, begin in BASE64_BEGIN.items():
        padded = bytes(before) + data
        end = len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            fragment = encode(padded).decode()[begin:end]
            if len(fragment) >= MIN_FRAGMENT_LENGTH or (before == 0 and len(padded) > 4):
                yield _Spelling(fragment, is_base64=True)


def _end_of_base64(text: str, end: int) -> int:
    """Take the character with the last bits of the secret, and the padding, as well."""
    if text[end : end + 1] in BASE64_EXTRA:
        end += 1
    while text[end : end + 1] == "=":
        end += 1
    return end
