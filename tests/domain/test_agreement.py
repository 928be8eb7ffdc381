"""What was agreed: who changed what decides whether the agreed picture follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from app.domain.agreed_values import ABSENT, MAX_VALUE_BYTES, difference, is_same, overlay
from app.domain.agreement import (
    Agreement,
    Entry,
    Recorded,
    Transition,
    ValueStep,
    Written,
    carry_over,
    follow,
)

PLACE = "a_b.this"


def recorded(identity: str = "b-1", **attributes: Any) -> dict[str, Recorded]:
    return {PLACE: Recorded("a_b", identity, {"id": identity, **attributes})}


def entry(agreed: dict[str, Any], actual: dict[str, Any]) -> Entry:
    return Entry("b-1", difference(agreed, actual))


@dataclass(frozen=True)
class Case:
    """What was agreed, what the plan met, what it writes, what the apply left."""

    agreed: dict[str, Any]
    met: dict[str, Any]
    written: tuple[Written, ...]
    left: dict[str, Recorded]
    remains: dict[str, Any] | None
    """The agreed attributes that the state has lost, or None where it has lost none."""
    is_done: bool = True
    accepted: tuple[str, ...] = ()


CASES = {
    "nobody changed anything": Case({"port": 1}, {"port": 1}, (), recorded(port=1), None),
    "somebody outside, and the apply leaves it": Case(
        {"port": 1}, {"port": 2}, (), recorded(port=2), {"port": 1}
    ),
    "somebody outside, and the apply undoes it": Case(
        {"port": 1}, {"port": 2}, (Written(("port",), 2, 1),), recorded(port=1), None
    ),
    "somebody outside, and the configuration wants a third": Case(
        {"port": 1}, {"port": 2}, (Written(("port",), 2, 3),), recorded(port=3), None
    ),
    "somebody outside, and the apply fails before it": Case(
        {"port": 1},
        {"port": 2},
        (Written(("port",), 2, 1),),
        recorded(port=2),
        {"port": 1},
        is_done=False,
    ),
    "somebody outside, and the apply fails after it": Case(
        {"port": 1}, {"port": 2}, (Written(("port",), 2, 1),), recorded(port=1), None, False
    ),
    "somebody outside, and a value that only the apply knows": Case(
        {"port": 1}, {"port": 2}, (Written(("port",), 2, None, False),), recorded(port=7), None
    ),
    "such a value that a failed apply did not get to": Case(
        {"port": 1},
        {"port": 2},
        (Written(("port",), 2, None, False),),
        recorded(port=2),
        {"port": 1},
        is_done=False,
    ),
    "one attribute outside, another one by us": Case(
        {"port": 1, "size": "s"},
        {"port": 2, "size": "s"},
        (Written(("size",), "s", "m"),),
        recorded(port=2, size="m"),
        {"port": 1},
    ),
    "a part of a map by us, another part outside": Case(
        {"tags": {"a": "1", "b": "1"}},
        {"tags": {"a": "1", "b": "2"}},
        (Written(("tags", "a"), "1", "9"),),
        recorded(tags={"a": "9", "b": "2"}),
        {"tags": {"a": "9", "b": "1"}},
    ),
    "a part of what somebody removed is made again by us": Case(
        {"tags": {"a": "1", "b": "1"}},
        {"tags": {}},
        (Written(("tags", "a"), None, "1"),),
        recorded(tags={"a": "1"}),
        {"tags": {"a": "1", "b": "1"}},
    ),
    "a key that somebody added": Case(
        {"tags": {}}, {"tags": {"x": "1"}}, (), recorded(tags={"x": "1"}), {"tags": {}}
    ),
    "a person accepts it": Case(
        {"port": 1}, {"port": 2}, (), recorded(port=2), None, accepted=(PLACE,)
    ),
    "an acceptance that failed": Case(
        {"port": 1},
        {"port": 2},
        (),
        recorded(port=2),
        {"port": 1},
        is_done=False,
        accepted=(PLACE,),
    ),
    "we replaced it": Case({"port": 1}, {"port": 2}, (), recorded("b-2", port=2), None),
    "we destroyed it": Case({"port": 1}, {"port": 2}, (), {}, None),
    "somebody undid it before it was recorded": Case(
        {"port": 1}, {"port": 2}, (), recorded(port=1), None
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_who_changed_it_decides(name: str) -> None:
    case = CASES[name]
    step = ValueStep(entry(case.agreed, case.met), case.written)
    transition = Transition.from_dict(Transition({PLACE: step}).to_dict())
    left = follow(transition, case.left, is_done=case.is_done, accepted=case.accepted)
    if case.remains is None:
        assert left == {}
        return
    actual = case.left[PLACE].attributes
    assert overlay(actual, left[PLACE].agreed) == {**actual, **case.remains}


GONE = ValueStep(Entry("b-1", gone={"address": PLACE}))


@pytest.mark.parametrize(
    ("left", "is_done", "is_partial", "accepted", "is_kept"),
    [
        ({}, False, False, (), True),  # the apply failed before it made it again
        (recorded("b-2"), False, False, (), False),  # made again, and something else failed
        ({}, True, False, (), False),  # the configuration wants it no more
        ({}, True, True, (), True),  # the plan was about others
        ({}, True, True, (PLACE,), False),
    ],
)
def test_what_is_gone_stays_gone_until_it_is_made_again_or_accepted(
    left: dict[str, Recorded],
    is_done: bool,
    is_partial: bool,
    accepted: tuple[str, ...],
    is_kept: bool,
) -> None:
    transition = Transition({PLACE: GONE}, is_partial=is_partial)
    kept = follow(transition, left, is_done=is_done, accepted=accepted)
    assert (PLACE in kept) == is_kept


def test_another_state_agrees_to_nothing() -> None:
    old, new = recorded(port=2, size="s"), recorded(port=2, size="m")
    agreement = Agreement({PLACE: entry({"port": 1}, {"port": 2})})
    carried = carry_over(agreement, old, new, {})
    assert overlay(new[PLACE].attributes, carried.entries[PLACE].agreed)["size"] == "s"
    assert overlay(new[PLACE].attributes, carried.entries[PLACE].agreed)["port"] == 1
    assert carry_over(agreement, old, recorded("b-2", port=2), {}).entries == {}
    assert carry_over(Agreement(), old, new, {"a_b": {"size"}}).entries == {}
    gone = Agreement({PLACE: GONE.entry})
    assert PLACE in carry_over(gone, {}, {}, {}).entries
    assert carry_over(gone, {}, new, {}).entries == {}


def test_nothing_and_empty_are_the_same_and_a_number_is_no_truth_value() -> None:
    assert is_same({"a": None, "b": [{"c": ""}]}, {"b": [{"c": None}]})
    assert not is_same({"a": 0}, {"a": None})
    assert not is_same({"a": 1}, {"a": True})
    assert not is_same(["a", "b"], ["b", "a"])


def test_a_long_value_is_known_again_without_being_kept() -> None:
    long = "x" * (MAX_VALUE_BYTES + 1)
    (kept,) = difference({"data": long}, {"data": "y"})
    assert len(str(kept.to_dict())) < 200
    assert overlay({"data": "y"}, [kept], {"data": long})["data"] == long
    again = overlay({"data": "z"}, [kept])
    assert difference(again, {"data": "z"}) == (kept,), "its digest outlives another comparison"


def test_what_is_kept_comes_back_as_it_was() -> None:
    agreed = difference({"a": 1}, {"a": 2, "b": 3}, sensitive=[("a",)])
    agreement = Agreement({PLACE: Entry("b-1", agreed)}, frozenset({PLACE}))
    again = Agreement.from_dict(agreement.to_dict())
    assert again == agreement
    by_path = {item.path: item for item in again.entries[PLACE].agreed}
    assert by_path[("b",)].value is ABSENT
    assert by_path[("a",)].is_sensitive
    assert "1" not in repr(agreement.entries[PLACE].agreed[0]), "values may be secret"


@pytest.mark.parametrize(
    ("is_known", "actual", "is_done", "has_happened"),
    [
        (True, "new", False, True),
        (True, "old", True, False),
        (True, "other", True, False),
        (False, "old", False, False),
        (False, "other", False, True),
        (False, "old", True, True),
    ],
)
def test_an_attribute_has_happened_when_it_is_as_wanted_or_another_where_that_is_unknown(
    actual: str, *, is_known: bool, is_done: bool, has_happened: bool
) -> None:
    written = Written(("a",), "old", "new", is_known)
    assert written.has_happened(actual, is_done=is_done) is has_happened


def test_what_was_looked_at_is_what_differed_at_the_plan_or_later() -> None:
    assert Transition({PLACE: GONE}, met=frozenset({"a.met"})).looked_at == {PLACE, "a.met"}
    assert Transition({PLACE: GONE}).looked_at == {PLACE}
    assert Transition().looked_at == set()
