"""What is undone without a person is what was named, and nothing is replaced for it."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind

UPDATED = AutoReconcile(frozenset({ChangeKind.UPDATED}), per_day=2)


def seen(*pairs: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [{"change": change, "mending": mending} for change, mending in pairs]


def test_settings_survive_being_kept() -> None:
    both = AutoReconcile(frozenset({ChangeKind.DELETED, ChangeKind.UPDATED}), 5)
    assert both.to_dict() == {"changes": ["deleted", "updated"], "per_day": 5}
    assert AutoReconcile.from_dict(both.to_dict()) == both


@pytest.mark.parametrize(
    "pairs",
    [
        [("updated", "update")],
        [("updated", "update"), ("updated", "none")],
        [("updated", "update"), ("created", "none")],
    ],
)
def test_named_kinds_are_undone(pairs: list[tuple[str, str | None]]) -> None:
    assert UPDATED.objection(seen(*pairs), done=1) is None


@pytest.mark.parametrize(
    ("pairs", "word"),
    [
        ([("deleted", "create")], "deleted"),
        ([("updated", "update"), ("deleted", "create")], "deleted"),
        ([("updated", "replace")], "replace"),
        ([("updated", "update"), ("updated", "delete")], "delete"),
        ([("updated", None)], "not known"),
        ([("updated", "none")], "does not say"),
        ([("created", "none")], "in no plan"),
        ([], "in no plan"),
    ],
)
def test_all_else_is_left_to_people(pairs: list[tuple[str, str | None]], word: str) -> None:
    assert word in (UPDATED.objection(seen(*pairs), done=0) or "")


def test_a_day_has_its_limit() -> None:
    drift = seen(("updated", "update"))
    assert "2 times" in (UPDATED.objection(drift, done=2) or "")
