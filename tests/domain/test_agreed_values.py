"""Where two values differ, as deep as objects go, and when they are the same to Terraform."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.agreed_values import (
    ABSENT,
    Agreed,
    carried_along,
    differing,
    is_same,
    put_at,
    value_at,
)


@pytest.mark.parametrize(
    ("wanted", "actual", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a",)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a", "c")]),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, [("a",), ("b",)]),
        ({"a": {"b": 1}}, {"a": "text"}, [("a",)]),
        ({"a": "text"}, {"a": {"b": 1}}, [("a",)]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("a", 0, "b")]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 3}]}, [("a",)]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("a",)]),
        ({"a": [1]}, {"a": {"b": 1}}, [("a",)]),
        ({"a": None}, {"a": ""}, []),
        ({"a": None}, {"a": []}, []),
        ({"a": 0}, {"a": False}, [("a",)]),
        ({"a": 0}, {"a": None}, [("a",)]),
    ],
)
def test_a_difference_has_the_path_of_the_smallest_value_that_differs(
    wanted: Any, actual: Any, paths: list[Any]
) -> None:
    assert [path for path, _, _ in differing(wanted, actual)] == paths
    assert is_same(wanted, actual) is (not paths)


def test_what_stands_on_one_side_only_is_absent_on_the_other() -> None:
    assert list(differing({"a": 1}, {"b": 2})) == [(("a",), 1, ABSENT), (("b",), ABSENT, 2)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), {"a": [{"b": 1}, None]}),
        (("a", 0, "b"), 1),
        (("a", 1), None),
        (("a", 2), ABSENT),
        (("a", "0"), ABSENT),
        (("a", 0, "c"), ABSENT),
        (("a", 0, "b", "d"), ABSENT),
        (("b",), ABSENT),
    ],
)
def test_a_path_leads_to_a_part_or_to_nothing(path: Any, found: Any) -> None:
    assert value_at({"a": [{"b": 1}, None]}, path) == found


@pytest.mark.parametrize(
    ("path", "part", "changed"),
    [
        ((), 7, 7),
        (("a",), 7, {"a": 7, "l": [1]}),
        (("a", "b"), 7, {"a": {"b": 7, "c": 2}, "l": [1]}),
        (("l", 0), 7, {"a": {"b": 1, "c": 2}, "l": [7]}),
        (("l", 2), 7, {"a": {"b": 1, "c": 2}, "l": [1, None, 7]}),
        (("a", "b"), ABSENT, {"a": {"c": 2}, "l": [1]}),
        (("a", "b", "d"), 7, {"a": {"b": {"d": 7}, "c": 2}, "l": [1]}),
    ],
)
def test_a_part_is_put_in_its_place_and_the_value_itself_stays(
    path: Any, part: Any, changed: Any
) -> None:
    value = {"a": {"b": 1, "c": 2}, "l": [1]}
    assert put_at(value, path, part) == changed
    assert value == {"a": {"b": 1, "c": 2}, "l": [1]}


def test_an_agreed_value_is_shown_to_nobody_and_is_sensitive_only_where_it_is_said() -> None:
    plain, absent = Agreed(("a", 0), "canary"), Agreed(("b",), ABSENT, is_sensitive=True)
    assert plain.to_dict() == {"path": ["a", 0], "value": "canary"}
    assert absent.to_dict() == {"path": ["b"], "sensitive": True}
    assert [Agreed.from_dict(one.to_dict()) for one in (plain, absent)] == [plain, absent]
    assert "canary" not in repr(plain)


@pytest.mark.parametrize(
    ("agreed", "was", "now", "then"),
    [
        (["x"], ["x", "22"], ["x", "22", "new"], ["x", "new"]),
        (["x"], ["x", "22"], ["x", "new"], ["x", "new"]),
        (["a", "b"], ["b"], ["b", "a"], ["b", "a"]),
        (["a", "b"], ["b"], ["b", "c"], ["a", "b", "c"]),
        ([], ["tomorrow"], ["abandoned"], ["abandoned"]),
        (None, ["tomorrow"], ["tomorrow", "abandoned"], ["abandoned"]),
        (["x"], ["x", "22"], None, []),
        (["x"], ["x", "22"], ["x", "22"], ["x"]),
        ("a", "b", "c", "c"),
        ("a", "b", "b", "a"),
        ([{"port": 1}], [{"port": 1}, {"port": 2}], [{"port": 2}], []),
    ],
)
def test_what_our_apply_did_is_agreed_and_what_somebody_else_did_before_is_not(
    agreed: Any, was: Any, now: Any, then: Any
) -> None:
    found = carried_along(Agreed(("rules",), agreed), was, now)
    assert is_same(found.value, then)
