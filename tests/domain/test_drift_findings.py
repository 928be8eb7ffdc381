"""Which sightings of drift are one story, one cause, one drift."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.drift_findings import (
    cause_key,
    drift_digest,
    neutral_name,
    story_key,
    values_digest,
)


def change(kind: str = "updated", address: str = "x_y.this", **values: Any) -> dict[str, Any]:
    attributes = [{"path": path, "before": 1, "after": after} for path, after in values.items()]
    return {"address": address, "type": "x_y", "change": kind, "attributes": attributes}


@pytest.mark.parametrize(
    ("resource_type", "name", "key", "expected"),
    [
        ("sandbox_subnet", "this", "eu-west-a", "subnet eu-west-a"),
        ("aws_security_group", "web", None, "security group web"),
        ("sandbox_network", "this", None, "network"),
        ("terraform_data", "this", 0, "data 0"),
        ("odd", "main", None, "odd"),
    ],
)
def test_a_neutral_name_has_no_provider_in_it(
    resource_type: str, name: str, key: int | str | None, expected: str
) -> None:
    assert neutral_name(resource_type, name, key) == expected


def test_other_values_are_the_same_story_and_other_attributes_another() -> None:
    first = change(size=2)
    assert story_key(first) == story_key(change(size=3))
    assert values_digest(first) != values_digest(change(size=3))
    assert story_key(first) != story_key(change(size=2, name=2))
    assert story_key(first) != story_key(change(size=2, address="x_y.other"))
    assert story_key(change("deleted", size=None)) == story_key(change("deleted", name=None))


def test_what_was_created_is_told_apart_by_its_id() -> None:
    unmanaged = [
        {"address": None, "resource_id": name, "type": "x_y", "change": "created", "attributes": []}
        for name in ("i-1", "i-2")
    ]
    assert story_key(unmanaged[0]) != story_key(unmanaged[1])
    assert cause_key("sandbox", unmanaged[0]) == cause_key("sandbox", unmanaged[1])


def test_a_cause_is_blind_to_stacks_addresses_and_places_in_lists() -> None:
    one = change(address="x_y.a", **{"rule[0].port": 2})
    other = change(address="x_y.b", **{"rule[7].port": 9})
    assert cause_key("sandbox", one) == cause_key("sandbox", other)
    assert cause_key("sandbox", one) != cause_key("aws", one)
    assert cause_key("sandbox", one) != cause_key("sandbox", change(size=2))


def test_the_digest_of_a_drift_sees_values_but_neither_order_nor_what_was_created() -> None:
    changes = [change(size=2), change("deleted", "x_y.z", size=None)]
    digest = drift_digest(changes)
    unmanaged = {"address": None, "resource_id": "i", "change": "created", "attributes": []}
    assert drift_digest([*reversed(changes), unmanaged]) == digest
    assert drift_digest([change(size=3), changes[1]]) != digest
    assert drift_digest(changes[:1]) != digest
