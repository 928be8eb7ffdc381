"""Which passwords are refused, each at the edge of its rule."""

from __future__ import annotations

import pytest

from app.domain.password_rules import COMMON, fault_of

SHORT = "Must have at least 8 characters."
LONG = "Must have at most 1024 bytes."
GUESSED = "Is among the first that anybody would guess."
NAMED = "Must not contain the user name."


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", SHORT),
        ("abcdefg", SHORT),
        ("abcdefgz", None),
        ("aaaabcd1", None),  # five different characters
        ("aaaabcda", GUESSED),  # four
        ("abcde" + "z" * 1019, None),
        ("abcde" + "z" * 1020, LONG),
        ("abcdeü" + "z" * 1017, None),
        ("abcdeü" + "z" * 1018, LONG),  # bytes are counted, for those are hashed
        ("PassWord1", GUESSED),
        ("password12", None),
    ],
)
def test_a_password_is_judged_by_length_and_by_what_is_guessed(
    password: str, fault: str | None
) -> None:
    assert fault_of(password, "ann") == fault


@pytest.mark.parametrize("password", sorted(COMMON))
def test_no_common_password_passes_in_any_case(password: str) -> None:
    assert fault_of(password.upper(), "ann") == GUESSED


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("anna", NAMED),
        ("ANNA", NAMED),
        ("ann", None),  # three letters are in many words by chance
        ("annas", None),
        ("", None),
    ],
)
def test_a_password_does_not_contain_the_name_of_its_user(name: str, fault: str | None) -> None:
    assert fault_of("my-Anna-0815", name) == fault
