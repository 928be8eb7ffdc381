"""Whatever is done to a chained trail outside Landform is found, and at which event."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.audit_chain import (
    GENESIS,
    Actor,
    ChainCheck,
    ChainedEvent,
    ChainFault,
    ChainLink,
    canonical_json,
    plain_json,
)

START = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
Events = list[ChainedEvent]


def chained(drafts: Sequence[ChainedEvent]) -> Events:
    """Give the drafts their places as Landform, or a forger who knows how, would."""
    last, made = ChainLink(0, GENESIS), []
    for number, draft in enumerate(drafts, start=1):
        event = replace(draft, sequence=number, previous_hash=last.hash)
        made.append(replace(event, hash=event.compute_hash()))
        last = ChainLink(number, made[-1].hash)
    return made


def draft(number: int, **values: Any) -> ChainedEvent:
    made = ChainedEvent(
        sequence=0,
        id=f"evt_{number:03}",
        at=START + timedelta(seconds=number),
        actor=Actor("usr_1", "ada", "user", "192.0.2.7"),
        action="stack.change",
        object_type="stack",
        object_id=f"stk_{number}",
        project_id="prj_1",
        request_id=None,
        detail={"changed": ["labels"], "number": number},
        previous_hash="",
    )
    return replace(made, **values)


TRAIL = chained([draft(number) for number in range(1, 13)])
HEAD = ChainLink(12, TRAIL[-1].hash)
ANCHORED = {number: {TRAIL[number - 1].hash} for number in (4, 8, 11)}


def check(
    events: Events, head: ChainLink | None = HEAD, anchored: dict[int, set[str]] | None = None
) -> list[ChainFault]:
    walker = ChainCheck(ANCHORED if anchored is None else anchored)
    return [*walker.walk(events), *walker.end(head)]


def kinds(findings: list[ChainFault]) -> list[tuple[str, int]]:
    return [(item.kind, item.sequence) for item in findings]


def rehashed(event: ChainedEvent) -> ChainedEvent:
    return replace(event, hash=event.compute_hash())


def test_a_trail_that_nobody_touched_has_nothing_to_find() -> None:
    assert check(TRAIL) == []
    walker = ChainCheck(ANCHORED)
    assert list(walker.walk(TRAIL)) == []
    assert (walker.count, walker.proven, walker.last) == (12, 11, HEAD)


EDITS: dict[str, Callable[[ChainedEvent], ChainedEvent]] = {
    "actor": lambda event: replace(event, actor=replace(event.actor, name="eve")),
    "address": lambda event: replace(event, actor=replace(event.actor, address=None)),
    "kind": lambda event: replace(event, actor=replace(event.actor, kind="system")),
    "time": lambda event: replace(event, at=event.at + timedelta(microseconds=1)),
    "action": lambda event: replace(event, action="stack.delete"),
    "object": lambda event: replace(event, object_id="stk_other"),
    "project": lambda event: replace(event, project_id=None),
    "request": lambda event: replace(event, request_id="r"),
    "detail": lambda event: replace(event, detail={**event.detail, "number": 0}),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("number", [1, 6, 12])
def test_an_edit_is_found_at_its_event(
    edit: Callable[[ChainedEvent], ChainedEvent], number: int
) -> None:
    events = list(TRAIL)
    events[number - 1] = edit(events[number - 1])
    assert kinds(check(events)) == [("changed", number)]


def test_an_edit_with_its_own_hash_computed_anew_is_found_beside_it() -> None:
    events = list(TRAIL)
    events[5] = rehashed(replace(events[5], action="nothing.happened"))
    assert kinds(check(events)) == [("misplaced", 7)]
    events = list(TRAIL)
    events[11] = rehashed(replace(events[11], action="nothing.happened"))
    assert kinds(check(events)) == [("misplaced", 12)], "SQL remembers another end"


def test_a_deletion_is_found_where_events_are_missing() -> None:
    (gap,) = check(TRAIL[:5] + TRAIL[7:])
    assert (gap.kind, gap.sequence) == ("missing", 6)
    assert "6 to 7" in gap.detail
    assert kinds(check(TRAIL[2:])) == [("missing", 1)]


def test_a_deletion_with_the_gap_closed_is_found() -> None:
    closed = [replace(event, sequence=event.sequence - 1) for event in TRAIL[6:]]
    found = kinds(check(TRAIL[:5] + closed))
    assert found[0] == ("misplaced", 6)
    assert ("changed", 6) in found


def test_events_that_changed_places_are_found() -> None:
    events = list(TRAIL)
    events[4], events[8] = (
        replace(events[8], sequence=5),
        replace(events[4], sequence=9),
    )
    assert {number for _, number in kinds(check(events))} >= {5, 9}


def test_an_event_that_was_put_in_is_found() -> None:
    made_up = draft(99, sequence=7, previous_hash=TRAIL[5].hash)
    later = [replace(event, sequence=event.sequence + 1) for event in TRAIL[6:]]
    assert kinds(check([*TRAIL[:6], rehashed(made_up), *later]))[0] == ("misplaced", 8)


@pytest.mark.parametrize("left", [11, 9, 4, 0])
def test_a_cut_tail_is_found_also_when_sql_was_made_to_forget_it(left: int) -> None:
    assert kinds(check(TRAIL[:left])) == [("cut", left + 1)]
    forgetful = ChainLink(left, TRAIL[left - 1].hash if left else GENESIS)
    found = kinds(check(TRAIL[:left], forgetful))
    assert found == ([] if left >= 11 else [("cut", left + 1)]), "the last anchor is of event 11"


@pytest.mark.parametrize("number", [1, 4, 5, 8, 9, 11])
def test_a_chain_computed_anew_does_not_fit_the_anchors(number: int) -> None:
    drafts = list(TRAIL)
    drafts[number - 1] = replace(drafts[number - 1], action="nothing.happened")
    forged = chained(drafts)
    found = check(forged, ChainLink(12, forged[-1].hash))
    first = next(anchor for anchor in (4, 8, 11) if anchor >= number)
    assert (found[0].kind, found[0].sequence) == ("rewritten", first)
    before = max((anchor for anchor in (4, 8, 11) if anchor < number), default=0)
    assert f"events {before + 1} to {first}" in found[0].detail
    assert check(forged, ChainLink(12, forged[-1].hash), anchored={}) == [], "only anchors tell"


def test_what_is_younger_than_the_last_anchor_can_be_rewritten_unseen() -> None:
    forged = chained([*TRAIL[:11], replace(TRAIL[11], action="nothing.happened")])
    assert check(forged, ChainLink(12, forged[-1].hash)) == []


def test_anchors_that_contradict_each_other_are_found() -> None:
    assert kinds(check(TRAIL, anchored={4: {TRAIL[3].hash, "f" * 64}})) == [("rewritten", 4)]


def test_an_archive_and_what_follows_it_are_one_chain() -> None:
    walker = ChainCheck(ANCHORED)
    assert [*walker.walk(TRAIL[:7]), *walker.walk(TRAIL[7:]), *walker.end(HEAD)] == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(detail=st.dictionaries(st.text(), VALUES, max_size=4), name=st.text(max_size=64))
def test_an_event_keeps_its_hash_through_json(detail: dict[str, Any], name: str) -> None:
    (event,) = chained([draft(1, detail=plain_json(detail), object_id=name)])
    for shown in (event.to_dict(), json.loads(canonical_json(event.to_dict()))):
        back = ChainedEvent.from_dict(shown)
        assert back.compute_hash() == event.hash == back.hash


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_has_no_canonical_form(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": [number]})


def test_the_canonical_form_is_the_one_that_is_documented() -> None:
    text = canonical_json({"b": "é", "a": [1, None, True]})
    assert text == b'{"a":[1,null,true],"b":"\\u00e9"}'
    # This figure is in trails that exist: when it changes, none of them can be checked any more.
    assert TRAIL[0].hash == "bc6c05606c614f3b97fef47be9dcc90f29456c3711a08f5a9ec68366f23d5536"
