"""A plan is given in pages of bounded size, which together are the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ValidationError
from app.services.operations.plan_pages import MAX_PAGE_BYTES, plan_page
from app.services.paging import PageRequest

SIZES = st.lists(st.sampled_from([0, 10, 1000, 300_000, 1_100_000]), max_size=12)


def plan_of(changes: list[int], drift: list[int]) -> dict[str, Any]:
    def entries(word: str, sizes: list[int]) -> list[dict[str, Any]]:
        return [
            {"address": f"{word}[{place}]", "after": "x" * size} for place, size in enumerate(sizes)
        ]

    return {"summary": {}, "changes": entries("c", changes), "drift": entries("d", drift)}


@given(SIZES, SIZES, st.integers(1, 5))
def test_the_pages_together_are_the_plan(changes: list[int], drift: list[int], limit: int) -> None:
    plan = plan_of(changes, drift)
    met: dict[str, list[Any]] = {"changes": [], "drift": []}
    cursor = None
    while True:
        part, page = plan_page(plan, PageRequest(limit, cursor))
        entries = [*part["changes"], *part["drift"]]
        assert len(entries) <= limit
        assert len(entries) <= 1 or len(json.dumps(entries)) <= MAX_PAGE_BYTES + 100
        for name in met:
            met[name] += part[name]
        assert part["totals"] == {"changes": len(changes), "drift": len(drift)}
        cursor = part["next_cursor"]
        assert cursor == page.next_cursor
        if cursor is None:
            break
        assert entries, "each page goes on"
    assert met == {"changes": plan["changes"], "drift": plan["drift"]}


@pytest.mark.parametrize("cursor", ["x", "WyJpZCIsIDFd", "WyJudW1iZXIiLCAtMV0"])
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationError):
        plan_page(plan_of([1], []), PageRequest(5, cursor))
