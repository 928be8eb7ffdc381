"""A plan's JSON becomes typed, masked changes, and drift is told from noise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.redaction import SENSITIVE, UNKNOWN
from app.terraform.difference import Shadows, list_differences, mask
from app.terraform.plan import Plan
from app.terraform.terraform_errors import TerraformError
from tests.plan_counts import counts


def change(actions: list[str], before: Any, after: Any, **more: Any) -> dict[str, Any]:
    return {
        "address": more.pop("address", "t.a"),
        "mode": more.pop("mode", "managed"),
        "type": "t",
        "name": "a",
        "change": {"actions": actions, "before": before, "after": after, **more},
    }


def plan_of(*changes: dict[str, Any], **more: Any) -> Plan:
    document = {"format_version": "1.2", "resource_changes": list(changes), **more}
    return Plan.parse(json.dumps(document).encode())


def drift_of(before: Any, after: Any, **more: Any) -> Plan:
    actions = ["delete"] if after is None else ["update"]
    return plan_of(resource_drift=[change(actions, before, after, **more)])


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        (["no-op"], "no-op"),
        (["create"], "create"),
        (["read"], "read"),
        (["update"], "update"),
        (["delete"], "delete"),
        (["delete", "create"], "replace"),
        (["create", "delete"], "replace"),
        (["forget"], "forget"),
    ],
)
def test_each_action_has_its_word_and_one_question_says_yes(
    actions: list[str], action: str
) -> None:
    (found,) = plan_of(change(actions, {}, {})).changes
    assert found.action == action
    answers = [
        found.is_noop,
        found.is_create,
        found.is_read,
        found.is_update,
        found.is_delete,
        found.is_replace,
        found.is_forget,
    ]
    assert sum(answers) == 1


@pytest.mark.parametrize(
    ("actions", "more", "action", "counted"),
    [
        (["no-op"], {"previous_address": "t.old"}, "move", {"move": 1}),
        (["no-op"], {"previous_address": "t.a"}, "no-op", {}),
        (["update"], {"previous_address": "t.old"}, "update", {"change": 1, "move": 1}),
        (["no-op"], {"importing": {"id": "i"}}, "import", {"import": 1}),
        (["update"], {"importing": {"id": "i"}}, "update", {"change": 1, "import": 1}),
        (["forget"], {}, "forget", {"forget": 1}),
        (["forget", "create"], {}, "replace", {"replace": 1, "forget": 1}),
    ],
)
def test_what_changes_only_the_record_is_counted_and_is_work(
    actions: list[str], more: dict[str, Any], action: str, counted: dict[str, int]
) -> None:
    item = change(actions, {}, {}, **more)
    if "previous_address" in more:
        item["previous_address"] = item["change"].pop("previous_address")
    plan = plan_of(item)
    assert plan.changes[0].action == action
    assert plan.summary.to_dict() == counts(**counted)
    assert plan.has_changes == bool(counted)
    shown = [item["action"] for item in plan.to_dict()["changes"]]
    assert shown == ([action] if counted else [])
    assert ("Nothing to do" in plan.sentence()) == (not counted)


def test_a_plan_that_changes_outputs_only_says_so() -> None:
    output = {"actions": ["update"], "before": 1, "after": 2}
    plan = plan_of(output_changes={"size": output})
    assert plan.has_changes
    assert plan.sentence() == "Will change 1 output and no resource."
    still = plan_of(output_changes={"size": {**output, "actions": ["no-op"]}})
    assert (still.has_changes, still.sentence()[:13]) == (False, "Nothing to do")


def test_what_a_check_block_reads_at_every_plan_is_no_work() -> None:
    plan = plan_of(change(["read"], None, {}, mode="data"), applyable=True)
    assert not plan.has_changes


def test_a_replacement_is_counted_apart_and_data_sources_are_not_counted() -> None:
    plan = plan_of(
        change(["create"], None, {}),
        change(["update"], {}, {}),
        change(["delete"], {}, None),
        change(["delete", "create"], {}, {}),
        change(["read"], None, {}, mode="data"),
    )
    assert plan.summary.to_dict() == counts(add=1, change=1, destroy=1, replace=1)
    assert plan.has_changes


def test_sensitive_and_unknown_values_are_masked_at_any_depth() -> None:
    plan = plan_of(
        change(
            ["update"],
            {"a": {"b": [{"c": "secret-1", "d": 1}]}, "p": "secret-2", "x": "same"},
            {"a": {"b": [{"c": "secret-3", "d": 2}]}, "p": "secret-2", "x": "same"},
            before_sensitive={"a": {"b": [{"c": True}]}, "p": True},
            after_sensitive={"a": {"b": [{"c": True}]}, "p": True},
            after_unknown={"id": True},
        )
    )
    (found,) = plan.changes
    assert [item.to_dict() for item in found.attributes] == [
        {
            "path": "a.b[0].c",
            "before": SENSITIVE,
            "after": SENSITIVE,
            "sensitive": True,
            "forces_replacement": False,
        },
        {
            "path": "a.b[0].d",
            "before": 1,
            "after": 2,
            "sensitive": False,
            "forces_replacement": False,
        },
        {
            "path": "id",
            "before": None,
            "after": UNKNOWN,
            "sensitive": False,
            "forces_replacement": False,
        },
    ]
    assert found.after["p"] == SENSITIVE
    assert "secret" not in json.dumps(plan.to_dict())


def test_an_unmarked_copy_of_a_sensitive_value_is_masked_too() -> None:
    plan = plan_of(
        change(
            ["update"],
            {"in": "secret-1", "copy": ["x secret-1 y"], "tags": {"secret-1": 1}},
            {"in": "secret-2", "copy": ["secret-2"], "tags": {}},
            before_sensitive={"in": True},
            after_sensitive={"in": True},
        ),
        variables={"v": {"value": "secret-3"}, "w": {"value": "open"}},
        configuration={"root_module": {"variables": {"v": {"sensitive": True}, "w": {}}}},
        output_changes={"o": {"actions": ["create"], "before": None, "after": "a secret-3 open"}},
    )
    shown = json.dumps(plan.to_dict())
    assert "secret-" not in shown
    paths = {item.path_text: item.is_sensitive for item in plan.changes[0].attributes}
    assert paths["copy[0]"]


def test_further_secrets_of_the_caller_are_masked() -> None:
    document = {
        "format_version": "1.0",
        "resource_changes": [change(["create"], None, {"a": "k1-key"})],
    }
    plan = Plan.parse(json.dumps(document).encode(), secrets=["k1-key"])
    assert "k1-key" not in json.dumps(plan.to_dict())


def test_what_forces_a_replacement_is_marked() -> None:
    (found,) = plan_of(
        change(
            ["delete", "create"],
            {"cidr": "a", "tags": {"k v": 1}, "n": 1},
            {"cidr": "b", "tags": {"k v": 2}, "n": 2},
            replace_paths=[["cidr"], ["tags"]],
        )
    ).changes
    forcing = {item.path_text: item.forces_replacement for item in found.attributes}
    assert forcing == {"cidr": True, "n": False, 'tags["k v"]': True}


def test_drift_is_updated_or_deleted() -> None:
    (updated,) = drift_of({"a": 1}, {"a": 2}).drift
    (deleted,) = drift_of({"a": 1}, None).drift
    assert (updated.change, deleted.change) == ("updated", "deleted")
    assert updated.to_dict()["attributes"][0]["path"] == "a"


@pytest.mark.parametrize("empty", [None, "", [], {}])
@pytest.mark.parametrize("other", [None, "", [], {}])
def test_null_against_empty_is_no_drift(empty: Any, other: Any) -> None:
    assert drift_of({"a": {"b": empty}}, {"a": {"b": other}}).drift == ()


@pytest.mark.parametrize("value", [False, 0, "x", [None], {"a": 0}])
def test_a_value_against_null_is_drift(value: Any) -> None:
    assert len(drift_of({"a": None}, {"a": value}).drift) == 1
    assert len(drift_of({"a": value}, {"a": None}).drift) == 1


def test_a_number_is_not_a_truth_value() -> None:
    assert len(drift_of({"a": 1}, {"a": True}).drift) == 1


def test_a_sensitive_change_is_drift_although_it_looks_alike() -> None:
    marks = {"before_sensitive": {"a": True}, "after_sensitive": {"a": True}}
    plan = drift_of({"a": "secret-1"}, {"a": "secret-2"}, **marks)
    assert plan.drift[0].to_dict()["attributes"][0]["after"] == SENSITIVE
    assert drift_of({"a": "secret-1"}, {"a": "secret-1"}, **marks).drift == ()


def test_a_moved_resource_is_no_drift() -> None:
    assert plan_of(resource_drift=[change(["no-op"], {"a": 1}, {"a": 1})]).drift == ()


RECORDED = {"resource_drift": [change(["update"], {"policy": ""}, {"policy": "p"})]}


@pytest.mark.parametrize("actions", [["no-op"], ["read"]])
def test_a_copy_that_another_resource_changed_needs_only_to_be_recorded(actions: list[str]) -> None:
    assert plan_of(change(actions, {}, {}), **RECORDED).only_records


@pytest.mark.parametrize("actions", [["update"], ["create"], ["delete"], ["delete", "create"]])
def test_what_a_plan_would_undo_is_never_only_recorded(actions: list[str]) -> None:
    assert not plan_of(change(actions, {}, {}), **RECORDED).only_records


def test_what_is_gone_or_to_be_imported_is_never_only_recorded() -> None:
    assert not drift_of({"a": 1}, None).only_records
    imported = change(["no-op"], {}, {}, importing={"id": "i"})
    assert not plan_of(imported, **RECORDED).only_records
    assert not plan_of(change(["no-op"], {}, {})).only_records, "there is nothing to record"


def test_what_the_cloud_moves_by_itself_is_no_drift_and_hides_none() -> None:
    def drift_of(moving: dict[str, list[str]], after: Any) -> list[list[Any]]:
        drift = change(["delete" if after is None else "update"], {"clock": 1, "size": "s"}, after)
        document = {"format_version": "1.2", "resource_drift": [drift]}
        plan = Plan.parse(json.dumps(document).encode(), moving=moving)
        return [[item.path_text for item in row.resource.attributes] for row in plan.drift]

    assert drift_of({"t": ["clock"]}, {"clock": 2, "size": "s"}) == []
    assert drift_of({"t": ["clock"]}, {"clock": 2, "size": "m"}) == [["size"]]
    assert drift_of({"t": ["clock"]}, None) == [["clock", "size"]], "it is gone"
    assert drift_of({"other": ["clock"]}, {"clock": 2, "size": "s"}) == [["clock"]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"format_version": "2.0"}',
        b'{"format_version": 1}',
        b'{"format_version": "1.2", "resource_changes": [{}]}',
        b'{"format_version": "1.2", "resource_changes": [3]}',
        b'{"format_version": "1.2", "output_changes": {"o": {}}}',
        b'{"format_version": "1.2", "output_changes": [1]}',
        b'{"format_version": "1.2", "configuration": []}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(TerraformError, match="plan"):
        Plan.parse(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "secret!", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c d"]), inner, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.none() | st.dictionaries(st.sampled_from(["a", "b"]), JSON, max_size=2)


@given(OBJECTS, OBJECTS, JSON, JSON, JSON)
def test_any_shapes_can_be_compared(
    before: Any, after: Any, one: Any, other: Any, unknown: Any
) -> None:
    json.dumps(
        [item.to_dict() for item in list_differences(before, after, Shadows(one, other, unknown))]
    )


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert list_differences(value, value, Shadows()) == ()


@given(JSON)
def test_nothing_of_a_sensitive_value_is_shown(value: Any) -> None:
    assert mask(value, True) in (None, SENSITIVE)
    for item in list_differences({"a": value}, {"a": "other"}, Shadows({"a": True}, {"a": True})):
        assert {item.before, item.after} <= {None, SENSITIVE}
