"""What may be the name of a stack."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import utc_now
from app.domain.ids import id_after, new_id
from app.domain.names import NAME_PATTERN, is_name, is_storable


@pytest.mark.parametrize("name", ["a", "web", "a1", "my-app-2", "a" * 40])
def test_a_short_lower_case_label_is_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "-a", "a-", "a_b", "a.b", "a b", "a" * 41, "web\n", "\nweb", "wëb", "a/b", "٣"],
)
def test_anything_else_is_not(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("", True),
        ("wëb 東京 \n", True),
        ("\ud7ff\ue000", True),
        ("a\x00", False),
        ("a\ud800", False),
        ("\udfffb", False),
        ("\x00\ud800", False),
    ],
)
def test_a_database_keeps_no_nul_and_no_half_character(text: str, is_kept: bool) -> None:
    assert is_storable(text) is is_kept


@given(st.text(max_size=50))
def test_the_published_pattern_means_the_same(text: str) -> None:
    # JavaScript's $ matches at the very end only, as \Z does in Python.
    javascript = NAME_PATTERN.replace("$", r"\Z")
    assert is_name(text) == bool(re.match(javascript, text))


def test_ids_say_what_they_are_and_sort_by_age() -> None:
    made = [new_id("stk") for _ in range(3)]
    assert all(re.fullmatch(r"stk_[0-9a-z]{26}", item) for item in made)
    assert len(set(made)) == 3


def test_an_identifier_sorts_after_the_last_one_whatever_the_time() -> None:
    now = utc_now()
    made = [id_after("op", now, None)]
    for seconds in (0, 0, -60, 3600, 0):
        made.append(id_after("op", now + timedelta(seconds=seconds), made[-1]))
    assert made == sorted(set(made))
    assert all(re.fullmatch(r"op_[0-9a-z]{26}", item) for item in made)
