"""What was parsed once is found again, by the text and for the same parser only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.catalog.hcl_source import KNOWN, parse_blocks
from app.catalog.parsed_texts import FORM, MAX_TEXTS, Parsed, ParsedTexts

INNER = Parsed(3, "validation", (), {"condition": "var.a>1"}, ())
BLOCK = Parsed(1, "variable", ("a",), {"type": "string"}, (INNER,))


def test_another_process_finds_what_one_has_parsed() -> None:
    one, other = ParsedTexts(), ParsedTexts()
    assert one.find("text") is None
    one.add("text", [BLOCK])
    assert one.is_new
    other.load(one.dump())
    assert other.find("text") == [BLOCK]
    assert other.find("text ") is None
    assert (one.is_new, other.is_new) == (False, False)


def test_what_nobody_asked_for_is_not_kept() -> None:
    one, other, third = ParsedTexts(), ParsedTexts(), ParsedTexts()
    for text in ("old", "still there"):
        one.find(text)
        one.add(text, [BLOCK])
    other.load(one.dump())
    assert other.find("still there")
    third.load(other.dump())
    assert (third.find("old"), third.find("still there")) == (None, [BLOCK])


def test_the_texts_of_no_end_of_catalogs_are_not_kept() -> None:
    one = ParsedTexts()
    for number in range(MAX_TEXTS + 1):
        one.add(str(number), [BLOCK])
    assert one.find("0") is None
    assert one.find(str(MAX_TEXTS)) == [BLOCK]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        json.dumps({"form": "another parser", "texts": {}}).encode(),
        json.dumps({"form": FORM}).encode(),
        json.dumps({"form": FORM, "texts": []}).encode(),
        json.dumps({"form": FORM, "texts": {"a": [[1, "x"]]}}).encode(),
        json.dumps({"form": FORM, "texts": {"a": [[1, "x", [], [], []]]}}).encode(),
        json.dumps({"form": FORM, "texts": {"a": [["one", "x", [], {}, []]]}}).encode(),
    ],
)
def test_what_is_none_of_ours_is_refused_and_nothing_taken_over(data: bytes) -> None:
    one = ParsedTexts()
    one.add("text", [BLOCK])
    with pytest.raises(ValueError, match="parsed texts"):
        one.load(data)
    assert one.find("text") == [BLOCK]


def test_a_text_is_the_same_in_two_files() -> None:
    text = 'output "of_two_files" {\n  value = 1\n}\n'
    (one,) = parse_blocks(text, Path("one.tf"))
    (other,) = parse_blocks(text, Path("other.tf"))
    assert KNOWN.find(text)
    assert (one.file.name, other.file.name) == ("one.tf", "other.tf")
    assert (one.line, one.labels, one.attributes) == (other.line, other.labels, other.attributes)
