"""A known secret is found in every spelling that programs give it, and nothing else is hidden."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.redaction import (
    MIN_NUMBER_DIGITS,
    MIN_SECRET_LENGTH,
    SENSITIVE,
    TELLING_LENGTH,
    Redactor,
    secret_texts,
)

SECRET = 'c4n@ry "ünï" <&> ${x}\n\ttab/+?='
TELLING = ("c4n@ry", "canary")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def go_json(text: str) -> str:
    """Write JSON as Go does."""
    dumped = json.dumps(text, ensure_ascii=False)
    return dumped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "exact": lambda s: s,
    "json": json.dumps,
    "json with letters": lambda s: json.dumps(s, ensure_ascii=False),
    "json of go": go_json,
    "json in json": lambda s: json.dumps({"message": json.dumps({"user_data": s})}),
    "json of go in json of go": lambda s: go_json(go_json(s)),
    "hcl": lambda s: json.dumps(s, ensure_ascii=False).replace("${", "$${"),
    "python": lambda s: repr({"user_data": s}),
    "url": lambda s: quote(s, safe=""),
    "url of a path": quote,
    "url of a form": quote_plus,
    "url in lower case": lambda s: "".join(
        f"%{byte:02x}" if not chr(byte).isalnum() or byte > 127 else chr(byte)
        for byte in s.encode()
    ).replace("%2d", "-"),
    "query": lambda s: urlencode({"a": 1, "secret": s}),
    "base64": b64,
    "base64 for urls": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 without padding": lambda s: b64(s).rstrip("="),
    "base64 of a login": lambda s: b64(f"user:{s}"),
    "base64 of json": lambda s: b64(json.dumps({"a": 1, "user_data": s, "z": [2]})),
    "base64 of base64's neighbours": lambda s: b64(f"xx{s}yyy"),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_found_in_every_spelling(spell: Callable[[str], str]) -> None:
    redactor = Redactor([SECRET])
    spelled = spell(SECRET)
    hidden = redactor.text(f"before {spelled} after")
    assert SENSITIVE in hidden
    assert redactor.is_in(spelled)
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    for telling in TELLING:
        assert telling not in hidden
    assert spelled not in hidden


@given(
    secret=st.text(min_size=8, max_size=60).filter(lambda s: len(s.strip()) >= 8),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
def test_base64_is_found_at_any_offset_of_any_document(
    secret: str, before: bytes, after: bytes
) -> None:
    try:
        data = secret.encode()
    except UnicodeEncodeError:
        return
    document = base64.b64encode(before + data + after).decode()
    assert Redactor([secret]).is_in(document)


@given(
    secret=st.text(min_size=MIN_SECRET_LENGTH, max_size=60),
    before=st.text(max_size=30),
    after=st.text(max_size=30),
)
def test_no_text_keeps_a_secret_that_it_held(secret: str, before: str, after: str) -> None:
    hidden = Redactor([secret]).text(f"{before}{secret}{after}")
    assert secret not in hidden.replace(SENSITIVE, "\0")


@given(text=st.text(alphabet="abcdefgh ", max_size=200))
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor(["s3cret-0", "0123456789"]).text(text) == text


def test_the_longest_of_two_secrets_that_begin_alike_is_hidden() -> None:
    redactor = Redactor(["token", "token-and-more"])
    assert redactor.text("a token-and-more b token c") == f"a {SENSITIVE} b {SENSITIVE} c"


def test_a_long_secret_that_was_cut_off_is_hidden_as_far_as_it_is_shown() -> None:
    secret = "".join(f"<{number:04}>" for number in range(1000))
    redactor = Redactor([secret])
    shown = secret[: TELLING_LENGTH + 100]
    assert redactor.text(f"value {shown}… (truncated)") == f"value {SENSITIVE}… (truncated)"
    assert redactor.text(secret[: TELLING_LENGTH - 1]) == secret[: TELLING_LENGTH - 1]


def test_each_long_line_of_a_script_is_hidden_and_its_short_ones_are_not() -> None:
    script = "#!/bin/sh\nif true; then\n  export API_TOKEN=canary-7c1e\nfi\n"
    redactor = Redactor([script])
    assert redactor.text("line 3: export API_TOKEN=canary-7c1e") == f"line 3: {SENSITIVE}"
    assert redactor.text("the word fi") == "the word fi"


@pytest.mark.parametrize(("length", "is_hidden"), [(11, False), (12, True)])
def test_a_line_of_a_script_is_hidden_from_twelve_characters_on(
    length: int, *, is_hidden: bool
) -> None:
    line = "x9" * 6
    redactor = Redactor([f"first\n{line[:length]}\nlast"])
    assert redactor.is_in(f"line 2: {line[:length]} is wrong") is is_hidden


@pytest.mark.parametrize(("secret", "is_found"), [("abcd", False), ("abcde", True)])
def test_base64_of_a_secret_is_looked_for_from_five_bytes_on(
    secret: str, *, is_found: bool
) -> None:
    assert Redactor([secret]).is_in(f"value {b64(secret)} more") is is_found


@pytest.mark.parametrize("secret", ["", "a", "abc", "   "])
def test_a_text_too_short_to_be_told_from_chance_hides_nothing(secret: str) -> None:
    assert Redactor([secret]).text("abc a     abcdef") == "abc a     abcdef"


def test_values_are_hidden_at_any_depth_also_in_keys_and_numbers() -> None:
    redactor = Redactor(["canary-1", "12345678"])
    value = {"a": ["x canary-1 y", {"canary-1": 12345678}], "b": 12, "c": None, "d": True}
    hidden = redactor.value(value)
    assert hidden == {
        "a": [f"x {SENSITIVE} y", {SENSITIVE: SENSITIVE}],
        "b": 12,
        "c": None,
        "d": True,
    }
    assert redactor.blank(value)["a"][0] == SENSITIVE


def test_what_is_secret_of_a_value_are_its_texts_and_long_numbers() -> None:
    number = 10 ** (MIN_NUMBER_DIGITS - 1)
    value: dict[str, Any] = {"a": ["abcd", "abc"], "b": number, "c": number // 10, "d": True}
    assert list(secret_texts(value)) == ["abcd", str(number)]


def test_a_walk_is_bounded_whatever_the_number_of_secrets() -> None:
    few = Redactor(f"s3cret-{number:05}" for number in range(2))
    many = Redactor(f"s3cret-{number:05}" for number in range(2000))
    hostile = "s3cret-" * 40_000

    def seconds(redactor: Redactor, text: str) -> float:
        started = time.process_time()
        redactor.text(text)
        return time.process_time() - started

    harmless = "an ordinary line of a log, number 17. " * 10_000
    assert seconds(many, harmless) < 5 * seconds(few, harmless) + 0.1
    assert seconds(Redactor(["s3cret-" * 1000 + "x"]), hostile) < 20
