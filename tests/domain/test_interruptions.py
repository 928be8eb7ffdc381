"""What is said of a stack that an interruption keeps from being changed."""

from __future__ import annotations

import pytest

from app.domain.interruptions import WAYS_OUT, Resolution, waiting_sentence

MAY_EXIST = "may exist without a record"
SEARCHED = "the cloud is still being searched for what it left."


@pytest.mark.parametrize(
    ("count", "is_searched", "sentence"),
    [
        (3, True, "Operation op_1 was interrupted; it left 3 resources without a record."),
        (1, True, "Operation op_1 was interrupted; it left 1 resource without a record."),
        (
            2,
            False,
            f"Operation op_1 was interrupted, and 2 resources {MAY_EXIST}; {SEARCHED}",
        ),
        (
            0,
            False,
            f"Operation op_1 was interrupted; {SEARCHED}",
        ),
    ],
)
def test_what_is_certain_and_what_is_only_possible_are_told_apart(
    count: int, sentence: str, *, is_searched: bool
) -> None:
    assert waiting_sentence("op_1", count, is_searched=is_searched) == sentence


def test_every_resolution_has_one_way_out() -> None:
    assert list(WAYS_OUT) == list(Resolution)
