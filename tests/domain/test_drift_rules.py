"""Ignore rules hide what they say and nothing more, in time that no pattern can stretch."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.drift_rules import IgnoreRule, Subject, matches

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def rule(**more: Any) -> IgnoreRule:
    return IgnoreRule("drl_1", NOW + timedelta(days=1), **more)


def subject(change: str = "updated", **values: Any) -> Subject:
    attributes = tuple({"path": path, "after": after} for path, after in values.items())
    return Subject("stk_1", "bucket", "x_bucket", change, attributes)


@pytest.mark.parametrize(
    ("value", "pattern", "is_hidden"),
    [
        ("text", "text", True),
        ("text", '"text"', False),
        ({"b": 1, "a": 2}, '{"a": 2, "b": 1}', True),
        ({"a": 2, "b": 1}, '{"b": 1*', False),
        (None, "null", True),
        (True, "true", True),
        ([1, 2], "[1, *]", True),
    ],
)
def test_a_value_is_compared_as_a_text_or_as_json_in_one_order(
    value: Any, pattern: str, *, is_hidden: bool
) -> None:
    hiding = rule(path="size", value=pattern)
    assert hiding.hides(subject(size=value), NOW) is is_hidden


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("tags.*", "tags.owner", True),
        ("tags.*", "tags", False),
        ("*", "", True),
        ("*a*b", "xaxb", True),
        ("*a*b", "xaxbc", False),
        ("ab*b", "ab", False),
        ("rule[*].port", "rule[10].port", True),
        ("rule[0]", "rule0", False),
        ("a.c", "abc", False),
        ("Tags*", "tags", False),
        ("exact", "exact", True),
        ("", "", True),
    ],
)
def test_a_star_is_any_text_and_all_else_is_literal(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_a_pattern_made_to_explode_takes_no_time() -> None:
    started = time.perf_counter()
    assert not matches("*a" * 100 + "b", "a" * 10_000)
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"stack_id": "stk_1", "kind": "bucket", "resource_type": "x_bucket", "change": "updated"},
        {"path": "tags.*"},
        {"value": "ops*"},
        {"path": "tags.owner", "value": "*team*"},
    ],
)
def test_a_rule_hides_what_fits_all_its_limits(limits: dict[str, str]) -> None:
    assert rule(**limits).hides(subject(**{"tags.owner": "ops-team"}), NOW)


@pytest.mark.parametrize(
    "limits",
    [
        {"stack_id": "stk_2"},
        {"kind": "network"},
        {"resource_type": "x_*"},
        {"change": "deleted"},
        {"path": "size"},
        {"path": "tags.*", "value": "dev*"},
    ],
)
def test_a_rule_hides_nothing_that_misses_one_limit(limits: dict[str, str]) -> None:
    assert not rule(**limits).hides(subject(**{"tags.owner": "ops-team"}), NOW)


def test_a_further_attribute_or_a_deletion_is_not_covered_up_by_a_path() -> None:
    tags = rule(path="tags.*")
    assert not tags.hides(subject(**{"tags.owner": "x", "public": True}), NOW)
    assert not rule(path="*").hides(subject("deleted", size=None), NOW)
    assert not rule(path="*").hides(subject("created"), NOW)


def test_a_secret_cannot_be_guessed_by_patterns() -> None:
    hidden = {"path": "password", "after": "(sensitive)", "sensitive": True}
    masked = Subject("stk_1", "bucket", "x_bucket", "updated", (hidden,))
    assert not rule(value="*").hides(masked, NOW)
    assert rule(path="password").hides(masked, NOW)


def test_values_that_are_no_text_are_compared_as_json() -> None:
    assert rule(value="true").hides(subject(public=True), NOW)
    assert rule(value='*"b"*').hides(subject(zones=["a", "b"]), NOW)
    assert not rule(value="*").hides(subject(blob="x" * 10_001), NOW)


def test_an_expired_rule_hides_nothing() -> None:
    assert not rule().hides(subject(size=1), NOW + timedelta(days=1))
