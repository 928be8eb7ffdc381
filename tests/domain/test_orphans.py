"""The true orphans: what exists with the stack's tag and is in no state."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.orphans import Sighting, Traces, confirm_orphans
from app.domain.redaction import SENSITIVE, UNKNOWN


def subnet(identifier: str, zone: str) -> Sighting:
    return Sighting(identifier, "sandbox_subnet", {"zone": zone, "name": f"web-{zone}"})


def candidate(address: str, identifier: str | None = None) -> dict[str, Any]:
    return {"address": address, "type": "sandbox_subnet", "id": identifier, "reason": "began"}


PLANNED = {
    "sandbox_subnet.a": {"zone": "a", "name": "web-a"},
    "sandbox_subnet.b": {"zone": "b", "name": "web-b"},
}


def test_siblings_are_told_apart_by_what_was_planned() -> None:
    found = confirm_orphans(
        [candidate("sandbox_subnet.a"), candidate("sandbox_subnet.b")],
        [subnet("sub_2", "b"), subnet("sub_1", "a")],
        Traces(PLANNED),
    )
    assert [(item["address"], item["id"]) for item in found] == [
        ("sandbox_subnet.a", "sub_1"),
        ("sandbox_subnet.b", "sub_2"),
    ]


def test_a_candidate_that_was_never_created_is_left_out() -> None:
    assert confirm_orphans([candidate("sandbox_subnet.a")], [], Traces(PLANNED)) == []


def test_a_candidate_that_the_search_cannot_see_stays_a_candidate() -> None:
    seen = [candidate("sandbox_subnet.a")]
    assert confirm_orphans(seen, [], Traces(PLANNED), {"sandbox_network"}) == seen
    assert confirm_orphans(seen, [], Traces(PLANNED), {"sandbox_subnet"}) == []


def test_a_resource_that_fits_no_candidate_is_named_without_an_address() -> None:
    network = Sighting("net_1", "sandbox_network", {})
    (found,) = confirm_orphans([candidate("sandbox_subnet.a")], [network], Traces(PLANNED))
    assert (found["address"], found["id"], found["type"]) == (None, "net_1", "sandbox_network")


def test_a_known_id_is_not_given_to_another_candidate() -> None:
    found = confirm_orphans(
        [candidate("sandbox_subnet.b"), candidate("sandbox_subnet.a", "sub_1")],
        [subnet("sub_1", "a")],
        Traces(PLANNED),
    )
    assert [(item["address"], item["id"]) for item in found] == [("sandbox_subnet.a", "sub_1")]


def tagged(identifier: str, **tags: str) -> Sighting:
    return Sighting(identifier, "sandbox_subnet", {"tags": {"landform:stack": "stk_1", **tags}})


BY_TAGS = Traces(
    planned={f"sandbox_subnet.{zone}": {"tags": {"zone": zone}} for zone in "ab"},
    creations={f"sandbox_subnet.{zone}": "sandbox_subnet" for zone in "ab"},
)


def test_a_cloud_may_show_more_tags_than_were_planned_but_no_other_ones() -> None:
    found = confirm_orphans([], [tagged("sub_2", zone="b"), tagged("sub_1", zone="a")], BY_TAGS)
    assert [(item["address"], item["id"]) for item in found] == [
        ("sandbox_subnet.b", "sub_2"),
        ("sandbox_subnet.a", "sub_1"),
    ]
    (other,) = confirm_orphans([], [tagged("sub_3", zone="c")], BY_TAGS)
    assert other["address"] is None


def bucket(name: str) -> Sighting:
    return Sighting(f"bkt_{name}", "sandbox_bucket", {"name": name, "versioned": True})


def started(name: str) -> dict[str, Any]:
    address = f'sandbox_bucket.this["{name}"]'
    return {"address": address, "type": "sandbox_bucket", "id": None, "reason": "no end"}


BUCKETS = Traces(
    planned={started(name)["address"]: bucket(name).attributes for name in ("01", "02", "06")},
    creations={started(name)["address"]: "sandbox_bucket" for name in ("01", "02", "06")},
)


@pytest.mark.parametrize(
    "names", [("01", "02", "06"), ("06", "01", "02"), ("01", "02"), ("02",), ()]
)
def test_what_was_never_made_does_not_get_the_resource_of_its_sibling(
    names: tuple[str, ...],
) -> None:
    found = confirm_orphans([started(name) for name in names], [bucket("06")], BUCKETS)
    assert [(item["address"], item["id"]) for item in found] == [
        ('sandbox_bucket.this["06"]', "bkt_06")
    ]


def test_siblings_are_told_apart_whatever_is_found_first() -> None:
    candidates = [started(name) for name in ("02", "06", "01")]
    for sightings in ([bucket("06"), bucket("01")], [bucket("01"), bucket("06")]):
        found = confirm_orphans(candidates, sightings, BUCKETS)
        assert [(item["address"][-4:-2], item["id"]) for item in found] == [
            ("01", "bkt_01"),
            ("06", "bkt_06"),
        ]


def test_what_only_the_cloud_could_tell_does_not_keep_a_resource_from_its_address() -> None:
    address = 'sandbox_subnet.this["b"]'
    traces = Traces(
        planned={address: {"zone": "b", "network_id": UNKNOWN, "tags": {"key": SENSITIVE}}},
        creations={address: "sandbox_subnet"},
    )
    attributes = {"zone": "b", "network_id": "net_1", "tags": {"key": "secret"}}
    (found,) = confirm_orphans([], [Sighting("sub_1", "sandbox_subnet", attributes)], traces)
    assert found["address"] == address


def test_placeholders_alone_say_nothing_of_a_resource() -> None:
    traces = Traces(planned={"a.b": {"network_id": UNKNOWN}}, creations={"a.b": "sandbox_subnet"})
    seen = Sighting("sub_1", "sandbox_subnet", {"network_id": "net_1"})
    (found,) = confirm_orphans([], [seen], traces)
    assert found["address"] is None
