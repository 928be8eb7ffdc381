"""The regression check of the bench compares ratios, each in the direction in which it is good."""

from __future__ import annotations

import pytest

from tests.bench.compare import find_regressions


@pytest.mark.parametrize(
    ("kept", "measured", "is_worse"),
    [
        ("0.82 s, **0.80 times** raw", "9.00 s, **0.81 times** raw", False),
        ("0.82 s, **0.80 times** raw", "0.80 s, **1.10 times** raw", True),
        ("427 a minute; **2.0 times** as many", "1 a minute; **4.0 times** as many", False),
        ("427 a minute; **2.0 times** as many", "427 a minute; **1.5 times** as many", True),
        ("p50 10 ms", "p50 90 ms", False),
        ("raw 1.0 s, **0.00 times**", "raw 1.0 s, **0.01 times**", False),
    ],
)
def test_a_ratio_that_is_clearly_worse_is_told(kept: str, measured: str, is_worse: bool) -> None:
    found = find_regressions({"a row": kept, "gone": kept}, {"a row": measured, "new": measured})
    assert bool(found) is is_worse
    assert all(sentence.startswith("a row: ") for sentence in found)
