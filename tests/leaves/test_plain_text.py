"""Whatever a program prints becomes text that databases keep and terminals only show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plain_text import cut, printable, storable

# Surrogates included, as a wrong decoding leaves them.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_no_control_is_left_but_line_ends_and_tabs(text: str) -> None:
    shown = printable(text)
    left = {letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cs")}
    assert left <= {"\n", "\t"}
    assert printable(shown) == shown
    shown.encode()


@given(ANY_TEXT)
def test_what_is_stored_is_utf_8_without_nul_and_as_long(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\x00" not in kept
    assert len(kept) == len(text)


@given(st.text())
def test_ordinary_text_is_kept_as_it_is(text: str) -> None:
    assert storable(text.replace("\x00", "")) == text.replace("\x00", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", "a\ufffdb"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;31;4mred\x1b[K", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bcreset", "reset"),
        ("\x1b(Bplain", "plain"),
        ("half\x1b", "half\ufffd"),
        ("10%\r20%\r\nend", "10%\n20%\nend"),
        ("bell\x07 and back\x08", "bell\ufffd and back\ufffd"),
        ("\ud800", "\ufffd"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("Zoë 🚀", "Zoë 🚀"),
    ],
)
def test_each_kind_of_control(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(), st.integers(0, 50))
def test_a_cut_text_is_a_beginning_of_bounded_size(text: str, size: int) -> None:
    kept = cut(text, size)
    assert text.startswith(kept)
    assert len(kept.encode()) <= size
    assert kept == text or len(text.encode()) > size
