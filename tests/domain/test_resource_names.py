"""By which names a resource is known, and whose tags its attributes carry."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.resource_names import STACK_TAG, owners_within, spellings, texts_within


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        (" / ", set()),
        ("Bucket-1", {"bucket-1"}),
        (" Bucket-1/ ", {"bucket-1"}),
        (
            "arn:aws:s3:::My_Bucket.x",
            {"arn:aws:s3:::my_bucket.x", "arn", "aws", "s3", "my_bucket.x"},
        ),
        ("vpc/subnet", {"vpc/subnet", "vpc", "subnet"}),
    ],
)
def test_a_name_is_compared_whole_and_by_its_parts(text: str, found: set[str]) -> None:
    assert spellings(text) == found


def test_texts_are_found_at_any_depth_unless_they_are_no_names() -> None:
    longest = "x" * 256
    value = {"a": ["one", {"b": "two"}, 3, None, True], "c": longest, "d": longest + "x"}
    assert sorted(texts_within(value)) == ["one", "two", longest]
    assert list(texts_within("alone")) == ["alone"]


@pytest.mark.parametrize(
    ("value", "owners"),
    [
        ({}, set()),
        ("text", set()),
        ({"tags": {STACK_TAG: "stk_1", "other": "stk_2"}}, {"stk_1"}),
        ({"tags": [{"key": STACK_TAG, "value": "stk_1"}]}, {"stk_1"}),
        ({"tags": [{"key": "other", "value": "stk_1"}]}, set()),
        ({"a": [{"tags": {STACK_TAG: "stk_1"}}, {"b": {STACK_TAG: "stk_2"}}]}, {"stk_1", "stk_2"}),
        ({"labels": {"landform-stack": "stk_1"}}, {"stk_1"}),
        ({"description": "landform-stack=stk_1"}, {"stk_1"}),
        ({"description": "Of shop. landform-stack=stk_1 landform-stack=stk_2"}, {"stk_1", "stk_2"}),
        ({"description": "not-landform-stack=stk_1"}, set()),
        ({"description": "landform-stack="}, set()),
        ({"description": "landform-stack=STK/../1"}, set()),
        ({"description": 7}, set()),
        ({STACK_TAG: ""}, set()),
        ({STACK_TAG: 7}, set()),
        ({STACK_TAG: None}, set()),
    ],
)
def test_the_tag_of_a_stack_is_seen_wherever_it_stands(value: Any, owners: set[str]) -> None:
    assert owners_within(value) == owners
