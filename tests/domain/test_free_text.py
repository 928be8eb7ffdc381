"""What people write is what others see: the one rule for its characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.free_text import ALLOWED_IN_PROSE, explain_hidden, find_hidden

FINE = ["", "web", "Büro 3", "日本　語", "naïve\u00a0NBSP", "❤\ufe0f 🚀", "שלום", "a+b=c;d'\"<>&"]
HIDDEN = {
    "\x00": "U+0000",
    "a\x1b[31m": "U+001B",
    "a\x7f": "U+007F",
    "a\x85b": "U+0085",
    "soft\u00adhyphen": "U+00AD (SOFT HYPHEN)",
    "a\u200bb": "U+200B (ZERO WIDTH SPACE)",
    "a\u200e": "U+200E (LEFT-TO-RIGHT MARK)",
    "gpj.\u202eexe": "U+202E (RIGHT-TO-LEFT OVERRIDE)",
    "\u2066x\u2069": "U+2066 (LEFT-TO-RIGHT ISOLATE)",
    "a\u2028b": "U+2028 (LINE SEPARATOR)",
    "\ufeffweb": "U+FEFF (ZERO WIDTH NO-BREAK SPACE)",
    "web\u3164": "U+3164 (HANGUL FILLER)",
    "web\u2800": "U+2800 (BRAILLE PATTERN BLANK)",
    "web\U000e0041": "U+E0041 (TAG LATIN CAPITAL LETTER A)",
    "web\U000e0100": "U+E0100 (VARIATION SELECTOR-17)",
    "web\ufe00": "U+FE00 (VARIATION SELECTOR-1)",
}


@pytest.mark.parametrize("text", FINE)
def test_what_can_be_seen_is_fine(text: str) -> None:
    assert find_hidden(text) is None
    assert find_hidden(text, is_prose=True) is None


@pytest.mark.parametrize("text", HIDDEN)
def test_what_cannot_be_seen_is_named(text: str) -> None:
    for is_prose in (False, True):
        told = find_hidden(text, is_prose=is_prose)
        assert told is not None
        assert told.startswith(HIDDEN[text])


@pytest.mark.parametrize("letter", sorted(ALLOWED_IN_PROSE))
def test_prose_may_have_lines_and_joiners_and_a_name_may_not(letter: str) -> None:
    assert find_hidden(f"a{letter}b", is_prose=True) is None
    assert find_hidden(f"a{letter}b") is not None
    assert explain_hidden(("reason",), f"a{letter}b") is None
    assert explain_hidden(("maintenance", "reason"), f"a{letter}b") is None
    assert explain_hidden(("title",), f"a{letter}b") is not None


@pytest.mark.parametrize("name", ["reason", "note", "password", "parameters", "web"])
def test_a_label_may_be_called_anything_and_has_the_strict_rule(name: str) -> None:
    assert explain_hidden(("labels", name), "a\nb") is not None


@pytest.mark.parametrize(
    "path", [("parameters", "user_data"), ("credentials", "token"), ("password",), ("repeated",)]
)
def test_what_others_describe_and_passwords_are_outside_the_rule(path: tuple[str, ...]) -> None:
    assert explain_hidden(path, "a\u200b\x1b") is None


@given(st.text())
def test_no_format_character_passes_in_a_line(text: str) -> None:
    if find_hidden(text) is None:
        assert {unicodedata.category(letter) for letter in text}.isdisjoint(
            {"Cc", "Cf", "Zl", "Zp", "Cs"}
        )
