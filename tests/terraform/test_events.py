"""Lines of ``-json`` become typed events, and tell what may be orphaned."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.state_file import StateFile
from app.terraform.events import Event, parse_event
from app.terraform.orphan_candidates import possibly_orphaned


def hook_line(type_: str, address: str, action: str = "create", **hook: Any) -> str:
    resource = {"addr": address, "resource_type": address.split(".", maxsplit=1)[0]}
    body = {"resource": resource, "action": action, **hook}
    return json.dumps({"@message": "m", "@level": "info", "type": type_, "hook": body})


def events_of(*lines: str) -> list[Event]:
    return [event for event in map(parse_event, lines) if event is not None]


def state_with(**ids: str | None) -> StateFile:
    resources = [
        {
            "mode": "managed",
            "type": "t",
            "name": name,
            "instances": [{"attributes": {"id": identifier}}],
        }
        for name, identifier in ids.items()
    ]
    document = {"version": 4, "serial": 1, "lineage": "l", "resources": resources}
    return StateFile.parse(json.dumps(document).encode())


def test_an_apply_line_is_typed() -> None:
    line = hook_line("apply_complete", 't.a["x"]', id_key="id", id_value="i-1", elapsed_seconds=3)
    event = parse_event(line)
    assert event is not None
    assert event.to_dict() == {
        "type": "apply_complete",
        "level": "info",
        "message": "m",
        "timestamp": "",
        "address": 't.a["x"]',
        "resource_type": "t",
        "action": "create",
        "id_key": "id",
        "id_value": "i-1",
        "elapsed_seconds": 3,
    }


def test_outputs_keep_only_values_that_are_not_sensitive() -> None:
    outputs = {
        "open": {"sensitive": False, "value": 1},
        "closed": {"sensitive": True, "value": "secret"},
        "unsaid": {"value": "secret"},
    }
    event = parse_event(json.dumps({"@message": "m", "type": "outputs", "outputs": outputs}))
    assert event is not None
    assert event.outputs == {"open": 1}


def test_a_diagnostic_is_said_in_words_without_its_source() -> None:
    diagnostic = {
        "severity": "error",
        "summary": "Bad",
        "detail": "Very.",
        "range": {"filename": "main.tf", "start": {"line": 3}},
        "snippet": {"code": "password = secret"},
    }
    event = parse_event(
        json.dumps({"@message": "m", "type": "diagnostic", "diagnostic": diagnostic})
    )
    assert event is not None
    assert event.diagnostic is not None
    assert event.diagnostic.in_words() == "Bad: Very. (main.tf line 3)"
    assert "secret" not in json.dumps(event.to_dict())


def test_counts_that_are_no_numbers_are_nothing() -> None:
    line = '{"@message": "m", "type": "change_summary", "changes": {"add": NaN, "change": true}}'
    event = parse_event(line)
    assert event is not None
    assert event.summary is not None
    assert (event.summary.add, event.summary.change) == (0, 0)


def test_an_unknown_type_is_kept() -> None:
    event = parse_event('{"@message": "m", "type": "from_the_future", "hook": 3, "changes": []}')
    assert event is not None
    assert event.type == "from_the_future"


@pytest.mark.parametrize(
    "line", ["", "{", "null", "3", "[]", '"text"', "{}", '{"type": "log"}', "[" * 100_000]
)
def test_what_is_no_event_is_none(line: str) -> None:
    assert parse_event(line) is None


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_the_reader(line: str) -> None:
    assert parse_event(line) is None or isinstance(parse_event(line), Event)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
NAMES = st.sampled_from(
    [
        "type",
        "hook",
        "change",
        "changes",
        "outputs",
        "diagnostic",
        "resource",
        "addr",
        "action",
        "elapsed_seconds",
        "range",
        "start",
        "line",
        "add",
        "value",
        "sensitive",
    ]
)


@given(
    st.dictionaries(
        NAMES,
        st.recursive(
            SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=9
        ),
    )
)
def test_no_shape_breaks_the_reader(data: dict[str, Any]) -> None:
    event = parse_event(json.dumps({"@message": "m", **data}))
    assert event is not None
    json.dumps(event.to_dict())


def test_what_was_created_and_is_in_state_is_no_orphan() -> None:
    events = events_of(
        hook_line("apply_start", "t.a"), hook_line("apply_complete", "t.a", id_value="1")
    )
    assert possibly_orphaned(events, state_with(a="1")) == []


@pytest.mark.parametrize("state", [None, state_with(), state_with(a="old"), state_with(b="1")])
def test_what_was_created_and_is_not_in_state_is_named_with_its_id(
    state: StateFile | None,
) -> None:
    events = events_of(
        hook_line("apply_start", "t.a"), hook_line("apply_complete", "t.a", id_value="1")
    )
    (orphan,) = possibly_orphaned(events, state)
    assert (orphan.address, orphan.type, orphan.id) == ("t.a", "t", "1")
    assert "not in the state" in orphan.reason


def refusal(address: str) -> str:
    diagnostic = {"severity": "error", "summary": "Quota exceeded", "address": address}
    return json.dumps({"@message": "m", "type": "diagnostic", "diagnostic": diagnostic})


def test_a_failed_creation_that_terraform_did_not_live_to_explain_is_named() -> None:
    events = events_of(
        hook_line("apply_start", "t.a"),
        hook_line("apply_errored", "t.a"),
        hook_line("apply_start", "t.b"),
        hook_line("apply_errored", "t.b"),
        refusal("t.b"),
    )
    assert [item.address for item in possibly_orphaned(events, state_with(c="1"))] == ["t.a"]


def test_a_creation_without_end_is_named_and_one_that_failed_is_not() -> None:
    events = events_of(
        hook_line("apply_start", "t.a"),
        hook_line("apply_start", "t.b"),
        hook_line("apply_errored", "t.b"),
        refusal("t.b"),
        hook_line("apply_start", "t.c", "delete", id_value="9"),
        hook_line("apply_start", "t.d", "update", id_value="8"),
    )
    (orphan,) = possibly_orphaned(events, state_with(c="9", d="8"))
    assert (orphan.address, orphan.id) == ("t.a", None)
    assert "end was not seen" in orphan.reason


@pytest.mark.parametrize("address", ["t.a", None])
@pytest.mark.parametrize(
    ("summary", "detail", "is_named"),
    [
        ("Plugin did not respond", "", True),
        ("Could not create", "Remote end closed connection without response.", True),
        ("creating VPC", "request send failed: read tcp: connection reset by peer", True),
        ("creating VPC", "context deadline exceeded", True),
        ("Quota exceeded", "Nothing was created.", False),
    ],
)
def test_a_creation_without_an_answer_is_named_unless_the_state_has_it(
    address: str | None, summary: str, detail: str, *, is_named: bool
) -> None:
    diagnostic = {"severity": "error", "summary": summary, "detail": detail, "address": address}
    events = events_of(
        hook_line("apply_start", "t.a"),
        hook_line("apply_errored", "t.a"),
        json.dumps({"@message": "m", "type": "diagnostic", "diagnostic": diagnostic}),
    )
    found = possibly_orphaned(events, state_with(b="1"))
    assert [item.address for item in found] == ["t.a"] * (is_named or address is None)
    assert possibly_orphaned(events, state_with(a="1")) == []


def test_a_creation_that_a_second_interrupt_cut_off_is_named() -> None:
    diagnostic = {"severity": "error", "summary": "operation canceled", "detail": ""}
    events = events_of(
        hook_line("apply_start", "t.a"),
        json.dumps({"@message": "Error", "type": "diagnostic", "diagnostic": diagnostic}),
        hook_line("apply_errored", "t.a"),
    )
    assert [item.address for item in possibly_orphaned(events, state_with())] == ["t.a"]


def test_a_replacement_is_judged_by_its_new_id() -> None:
    events = events_of(
        hook_line("apply_start", "t.a", "delete", id_value="1"),
        hook_line("apply_complete", "t.a", "delete"),
        hook_line("apply_start", "t.a"),
        hook_line("apply_complete", "t.a", id_value="2"),
    )
    assert possibly_orphaned(events, state_with(a="2")) == []
    assert [item.id for item in possibly_orphaned(events, state_with(a="1"))] == ["2"]


def test_a_resource_without_id_is_judged_by_its_address() -> None:
    events = events_of(hook_line("apply_start", "t.a"), hook_line("apply_complete", "t.a"))
    assert possibly_orphaned(events, state_with(a=None)) == []
    assert len(possibly_orphaned(events, state_with())) == 1
