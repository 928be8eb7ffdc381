"""Two states are compared resource by resource, and no secret shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.redaction import SENSITIVE
from app.domain.state_file import StateFile
from app.terraform.state_diff import StateDifference, compare_states

CANARY = "canary-7f3a"


def instance(attributes: Any, *paths: list[Any], **more: Any) -> dict[str, Any]:
    marks = [
        [
            {"type": "get_attr", "value": step}
            if isinstance(step, str)
            else {"type": "index", "value": {"value": step, "type": "number"}}
            for step in path
        ]
        for path in paths
    ]
    return {"attributes": attributes, "sensitive_attributes": marks, **more}


def resource(name: str, *instances: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": "t", "name": name, "instances": list(instances), **more}


def state(*resources: dict[str, Any], **outputs: Any) -> StateFile:
    document = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 1,
        "lineage": "a",
        "outputs": outputs,
        "resources": list(resources),
    }
    return StateFile.parse(json.dumps(document).encode())


def shown(diff: StateDifference) -> str:
    return json.dumps([item.to_dict() for item in (*diff.resources, *diff.outputs)])


def test_what_came_went_and_changed_is_told_by_address_in_order() -> None:
    before = state(
        resource("same", instance({"id": "1"})),
        resource("gone", instance({"id": "2", "size": 3})),
        resource("many", instance({"id": "3", "tags": {"a b": "x"}}, index_key="k")),
    )
    after = state(
        resource("new", instance({"id": "4"})),
        resource("same", instance({"id": "1"})),
        resource("many", instance({"id": "3", "tags": {"a b": "y"}}, index_key="k")),
    )
    diff = compare_states(before, after)
    assert [(item.address, item.change) for item in diff.resources] == [
        ("t.gone", "deleted"),
        ('t.many["k"]', "updated"),
        ("t.new", "created"),
    ]
    assert diff.resources[1].to_dict()["attributes"] == [
        {"path": 'tags["a b"]', "before": "x", "after": "y", "sensitive": False}
    ]
    assert {item.path_text: item.before for item in diff.resources[0].attributes} == {
        "id": "2",
        "size": 3,
    }
    assert diff.counts() == {"created": 1, "updated": 1, "deleted": 1, "outputs": 0}


def test_a_state_compared_with_itself_differs_in_nothing() -> None:
    one = state(resource("a", instance({"id": "1"})), o={"value": [1], "type": ["list", "number"]})
    assert compare_states(one, one) == StateDifference((), ())


def test_without_an_earlier_state_all_is_new() -> None:
    diff = compare_states(None, state(resource("a", instance({"id": "1"})), o={"value": 1}))
    assert [item.change for item in (*diff.resources, *diff.outputs)] == ["created", "created"]


def test_data_sources_are_shown_but_not_counted() -> None:
    diff = compare_states(None, state(resource("a", instance({"id": "1"}), mode="data")))
    assert [item.address for item in diff.resources] == ["data.t.a"]
    assert diff.counts()["created"] == 0


def test_a_taint_and_a_deposed_object_are_differences() -> None:
    before = state(resource("a", instance({"id": "1"})))
    after = state(
        resource(
            "a",
            instance({"id": "1"}, status="tainted"),
            instance({"id": "0"}, deposed="ab12"),
        )
    )
    found = {
        item.address: (item.change, item.tainted)
        for item in compare_states(before, after).resources
    }
    assert found == {"t.a": ("updated", True), "t.a (deposed ab12)": ("created", False)}


def test_true_is_not_one_and_missing_is_null() -> None:
    before = state(resource("a", instance({"flag": True, "gone": None})))
    after = state(resource("a", instance({"flag": 1})))
    (found,) = compare_states(before, after).resources
    assert [item.path_text for item in found.attributes] == ["flag"]


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"input": CANARY}, ["input"]),
        ({"rules": [{"open": 1}, {"open": CANARY}]}, ["rules", 1, "open"]),
        ({"tags": {"a b": CANARY}}, ["tags", "a b"]),
        ({"input": {"value": {"l": ["p", CANARY]}, "type": ["object", {}]}}, ["input", "l", 1]),
        ({"input": {"value": CANARY, "type": "A"}}, ["input", "value"]),
        ({"input": {"value": CANARY, "type": "string"}}, ["input", "value"]),
        ({"set": [CANARY, "x"]}, ["set", 7]),
        ({"list": [CANARY]}, ["list", -1]),
        ({"input": CANARY, "more": "x"}, ["input", "deeper", 3]),
        ({"input": CANARY}, []),
        ({"input": CANARY}, [True, "never reached"]),
    ],
)
def test_a_marked_value_is_masked_wherever_the_mark_leads(attributes: Any, path: list[Any]) -> None:
    item = instance(attributes, path)
    diff = compare_states(state(resource("a", instance({}))), state(resource("a", item)))
    assert CANARY not in shown(diff)
    assert SENSITIVE in shown(diff)
    assert any(change.is_sensitive for change in diff.resources[0].attributes)


def test_a_mark_of_unknown_form_covers_everything_from_there() -> None:
    item = instance({"input": {"a": CANARY}})
    item["sensitive_attributes"] = [[{"type": "get_attr", "value": "input"}, {"type": "new"}]]
    assert CANARY not in shown(compare_states(None, state(resource("a", item))))


def test_the_flat_attributes_of_old_providers_are_masked_whole() -> None:
    item = {"attributes_flat": {"id": "1", "password.0": CANARY}}
    diff = compare_states(None, state(resource("a", item)))
    assert diff.resources[0].change == "created"
    assert CANARY not in shown(diff)


@pytest.mark.parametrize(
    "name", ["password", "master_password", "SECRET", "client_secret", "private_key_pem", "api_key"]
)
def test_a_name_that_tells_a_secret_masks_its_value_without_a_mark(name: str) -> None:
    item = instance({"block": [{name: CANARY}], "copy": f"x{CANARY}y"})
    diff = compare_states(None, state(resource("a", item), **{name: {"value": CANARY}}))
    assert CANARY not in shown(diff)


@pytest.mark.parametrize("name", ["token_ttl", "secretary", "key", "passwords_allowed"])
def test_a_name_that_only_sounds_like_one_is_shown(name: str) -> None:
    diff = compare_states(None, state(resource("a", instance({name: "harmless"}))))
    assert "harmless" in shown(diff)


def test_copies_of_a_secret_are_masked_in_values_keys_addresses_and_outputs() -> None:
    secret = instance({"input": CANARY}, ["input"])
    copy = instance({"note": f"is {CANARY}", "map": {CANARY: 1}}, index_key=CANARY)
    diff = compare_states(
        state(resource("b", instance({"map": {"x": 1}}))),
        state(resource("a", secret), resource("b", copy), o={"value": [CANARY]}),
    )
    assert CANARY not in shown(diff)


def test_a_secret_of_the_earlier_state_stays_one_in_the_later_and_the_other_way_round() -> None:
    marked = state(resource("a", instance({"input": CANARY}, ["input"])))
    bare = state(resource("a", instance({"input": f"{CANARY}!"})))
    assert CANARY not in shown(compare_states(marked, bare))
    assert CANARY not in shown(compare_states(bare, marked))


def test_secrets_from_outside_the_states_are_masked() -> None:
    after = state(resource("a", instance({"input": CANARY})))
    assert CANARY in shown(compare_states(None, after))
    assert CANARY not in shown(compare_states(None, after, {CANARY}))


def test_a_changed_secret_is_told_without_its_value() -> None:
    before = state(resource("a", instance({"input": "old-secret"}, ["input"])))
    after = state(resource("a", instance({"input": "new-secret"}, ["input"])))
    (found,) = compare_states(before, after).resources
    assert found.to_dict()["attributes"] == [
        {"path": "input", "before": SENSITIVE, "after": SENSITIVE, "sensitive": True}
    ]


def test_an_output_is_masked_when_either_state_marks_it() -> None:
    plain = state(o={"value": CANARY, "type": "string"})
    marked = state(o={"value": "other", "type": "string", "sensitive": True})
    for one, other in ((plain, marked), (marked, plain)):
        (found,) = compare_states(one, other).outputs
        assert (found.before, found.after, found.sensitive) == (SENSITIVE, SENSITIVE, True)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(CANARY)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "value", "type", "l 1"]), inner, max_size=3)
    ),
    max_leaves=10,
)
STEPS = st.sampled_from(["a", "b", "value", "type", "l 1"]) | st.integers(-1, 3)


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), VALUES),
    st.dictionaries(st.sampled_from(["a", "b"]), VALUES),
    st.lists(STEPS, min_size=1, max_size=4),
)
def test_whatever_the_shapes_are_a_wholly_marked_state_shows_no_secret(
    before: dict[str, Any], after: dict[str, Any], path: list[Any]
) -> None:
    whole = [["a"], ["b"]]
    diff = compare_states(
        state(resource("x", instance(before, *whole, path))),
        state(resource("x", instance(after, *whole, path))),
    )
    assert CANARY not in shown(diff)
    if json.dumps(before) == json.dumps(after):
        assert diff.resources == ()


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), VALUES), st.lists(STEPS, min_size=1, max_size=4)
)
def test_the_value_at_a_mark_never_shows_and_neither_does_its_copy(
    attributes: dict[str, Any], path: list[Any]
) -> None:
    marked = {**attributes, "deep": _planted(path)}
    item = instance(marked, ["deep", *path])
    assert CANARY not in shown(compare_states(None, state(resource("x", item))))


def _planted(path: list[Any]) -> Any:
    """Return a structure that holds the canary exactly at ``path``, were it there."""
    value: Any = CANARY
    for step in reversed(path):
        value = {step: value} if isinstance(step, str) else ["x"] * max(step, 0) + [value]
    return value
