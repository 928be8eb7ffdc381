"""One instance of a state, and one result of a check, at the edges of what Terraform writes."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.state_instances import (
    UNKNOWN_FIELD,
    find_instance_faults,
    find_unknown,
    is_check_result,
)

STEP = {"type": "get_attr", "value": "a"}
INDEX = {"type": "index", "value": {"value": "k", "type": "string"}}


def places(**fields: Any) -> list[str]:
    instance = {"attributes": {}, **fields}
    return [fault.pointer.removeprefix("/at/") for fault in find_instance_faults(instance, "/at")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("index_key", value) for value in (0, 2**31 - 1, "", "x" * 512, "ü")),
        *(("status", value) for value in ("", "tainted")),
        *(("deposed", value) for value in ("", "0123abcd")),
        *(("schema_version", value) for value in (0, 2**31 - 1)),
        *(("identity_schema_version", value) for value in (0, 1)),
        *(("identity", value) for value in ({}, {"id": "x"})),
        *(("private", value) for value in ("", "eA==")),
        *(("dependencies", value) for value in ([], ["a.b", "data.a.b"])),
        ("dependencies", ["a.b"] * 500),
        *(("sensitive_attributes", value) for value in ([], [[]], [[STEP, INDEX], [STEP]])),
        ("sensitive_attributes", [[{"type": "index", "value": {"value": 1, "type": "number"}}]]),
        *(("create_before_destroy", value) for value in (True, False)),
        *((name, None) for name in ("index_key", "status", "private", "identity")),
    ],
)
def test_what_terraform_writes_is_good(name: str, value: Any) -> None:
    assert places(**{name: value}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("index_key", value) for value in (-1, 2**31, True, 1.0, "x" * 513, "a\u200b")),
        *(("status", value) for value in ("gone", 1)),
        *(("deposed", value) for value in ("0123abc", "0123abcde", "0123ABCD", 1)),
        *(("schema_version", value) for value in (-1, 2**31, True, "0")),
        *(("identity_schema_version", value) for value in (-1, 2**31)),
        *(("identity", value) for value in ([], "x")),
        *(("private", value) for value in ("eA", "e A==", 1, "ü")),
        *(("dependencies", value) for value in ("a.b", ["a"], ["a.b", 1])),
        ("dependencies", ["a.b"] * 501),
        *(("sensitive_attributes", value) for value in ("x", ["x"], [["x"]], [[STEP, {}]])),
        *(
            ("sensitive_attributes", [[step]])
            for step in (
                {"type": "get_attr"},
                {**STEP, "more": 1},
                {"type": "get_attr", "value": 1},
                {"type": "other", "value": INDEX["value"]},
                {"type": "index", "value": "k"},
                {"type": "index", "value": {"value": "k"}},
                {"type": "index", "value": {"value": "k", "type": "bool"}},
                {"type": "index", "value": {"value": True, "type": "bool"}},
                {"type": "index", "value": {"value": "k", "type": "number"}},
            )
        ),
        *(("create_before_destroy", value) for value in ("yes", 1)),
    ],
)
def test_anything_else_is_refused_at_its_field(name: str, value: Any) -> None:
    assert places(**{name: value}) == [name]


@pytest.mark.parametrize(
    ("identifier", "is_good"),
    [
        (None, True),
        ("x", True),
        ("x" * 2_048, True),
        ("x" * 2_049, False),
        ("", False),
        (1, False),
        ("a\u202e", False),
    ],
)
def test_the_id_of_a_resource_is_a_text_that_can_be_seen(identifier: Any, *, is_good: bool) -> None:
    assert places(attributes={"id": identifier}) == ([] if is_good else ["attributes/id"])


@pytest.mark.parametrize("attributes", [None, [], "x"])
def test_attributes_are_an_object(attributes: Any) -> None:
    assert places(attributes=attributes) == ["attributes"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("more", "more"),
        ("a/b", ""),
        ("a~b", ""),
        ("a\u200b", ""),
        ("x" * 513, ""),
        ("x" * 9, "x" * 9),
    ],
)
def test_an_unknown_field_is_named_unless_its_name_would_mislead(name: str, shown: str) -> None:
    (fault,) = find_unknown({"known": 1, name: 2, "third": 3}, {"known"}, "/at")
    assert (fault.pointer, fault.message) == (f"/at/{shown}", UNKNOWN_FIELD)
    assert list(find_unknown({"known": 1}, {"known"}, "/at")) == []


OBJECT = {"object_addr": "output.a", "status": "pass", "failure_messages": ["x"]}
CHECK = {"object_kind": "output", "config_addr": "output.a", "status": "pass", "objects": [OBJECT]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objects": None},
        {"objects": []},
        {"objects": [OBJECT] * 2_000},
        {"objects": [{**OBJECT, "failure_messages": None}]},
        *({"object_kind": kind} for kind in ("resource", "check", "var")),
        *({"status": status} for status in ("fail", "error", "unknown")),
        *({"config_addr": address} for address in ("a.b", 'data.a.b["k"]', "check.c", "var.v")),
    ],
)
def test_what_terraform_keeps_of_a_check_is_good(changes: dict[str, Any]) -> None:
    assert is_check_result({**CHECK, **changes}) is True


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"object_kind": "other"},
        {"config_addr": "a"},
        {"config_addr": None},
        {"status": "good"},
        {"objects": "x"},
        {"objects": {"a": 1}},
        {"objects": ["x"]},
        {"objects": [OBJECT] * 2_001},
        {"objects": [OBJECT, {**OBJECT, "more": 1}]},
        {"objects": [{**OBJECT, "object_addr": "a"}]},
        {"objects": [{**OBJECT, "status": "good"}]},
        {"objects": [{**OBJECT, "failure_messages": "x"}]},
        {"objects": [{**OBJECT, "failure_messages": ["x", 1]}]},
    ],
)
def test_any_other_check_is_refused(changes: dict[str, Any]) -> None:
    assert not is_check_result({**CHECK, **changes})


@pytest.mark.parametrize("result", [None, [], "x", 1])
def test_a_check_is_an_object(result: Any) -> None:
    assert not is_check_result(result)
