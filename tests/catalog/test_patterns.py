"""Patterns mean the same in Python, in JavaScript and in the SDKs."""

from __future__ import annotations

import pytest

from app.catalog.patterns import compile_pattern, find_pattern_fault


@pytest.mark.parametrize(
    "pattern",
    [
        r"^a$",
        r"^$",
        r"^(?:a|b)$",
        r"^(?!x)(?=y)[\w.$|\-\]]+$",
        r"^a\$$",
        r"^a\\$",
        r"^\d{1,3}(?:\.\d{1,3}){3}$",
        r"^a{1,}?b*?$",
    ],
)
def test_a_portable_pattern_is_accepted(pattern: str) -> None:
    assert find_pattern_fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "start it with ^"),
        ("a$", "start it with ^"),
        ("^a", "end it with $"),
        (r"^a\$", "end it with $"),
        (r"^a\Z", "end it with $"),
        (r"^a|b$", "outside a group"),
        (r"^(?<=a)b$", "not every language"),
        (r"^(?<!a)b$", "not every language"),
        (r"^(?P<x>a)$", "not every language"),
        (r"^(?#x)a$", "not every language"),
        (r"^(?>a)$", "not every language"),
        (r"^\Aa$", "not every language"),
        (r"^a\Z$", "not every language"),
        (r"^(a)\1$", "not every language"),
        (r"^a++$", "not every language"),
        (r"^a{2}+$", "not every language"),
        (r"^[]a]$", "not every language"),
        (r"^a\-b$", "not every language"),
        (r"^a}$", "not every language"),
        (r"^[\Z]$", "not a regular expression"),
        (r"^\p{L}$", "not a regular expression"),
        (r"^(?i)a$", "not a regular expression"),
        (r"^(a$", "not a regular expression"),
    ],
)
def test_a_pattern_that_another_language_reads_otherwise_is_refused(
    pattern: str, said: str
) -> None:
    fault = find_pattern_fault(pattern)
    assert fault is not None
    assert said in fault


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        ("^a$", "\na", False),
        (r"^\d$", "\u0663", False),
        (r"^\w$", "é", False),
        (r"^\$$", "$", True),
        (r"^[$]$", "$", True),
        (r"^[$]$", "$\n", False),
        (r"^a\\$", "a\\", True),
    ],
)
def test_a_pattern_is_read_as_javascript_reads_it(pattern: str, text: str, matches: bool) -> None:
    assert bool(compile_pattern(pattern).search(text)) is matches
