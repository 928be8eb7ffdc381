"""The true orphans: what exists with the stack's tag and is in no state."""

from __future__ import annotations

from typing import Any

from app.domain.orphans import Sighting, confirm_orphans


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
        set(),
        PLANNED,
    )
    assert [(item["address"], item["id"]) for item in found] == [
        ("sandbox_subnet.a", "sub_1"),
        ("sandbox_subnet.b", "sub_2"),
    ]


def test_what_a_state_holds_is_no_orphan() -> None:
    found = confirm_orphans([], [subnet("sub_1", "a")], {"sub_1"}, {})
    assert found == []


def test_a_candidate_that_was_never_created_is_left_out() -> None:
    assert confirm_orphans([candidate("sandbox_subnet.a")], [], set(), PLANNED) == []


def test_a_candidate_that_the_search_cannot_see_stays_a_candidate() -> None:
    seen = [candidate("sandbox_subnet.a")]
    assert confirm_orphans(seen, [], set(), PLANNED, {"sandbox_network"}) == seen
    assert confirm_orphans(seen, [], set(), PLANNED, {"sandbox_subnet"}) == []


def test_a_resource_that_fits_no_candidate_is_named_without_an_address() -> None:
    network = Sighting("net_1", "sandbox_network", {})
    (found,) = confirm_orphans([candidate("sandbox_subnet.a")], [network], set(), PLANNED)
    assert (found["address"], found["id"], found["type"]) == (None, "net_1", "sandbox_network")


def test_a_known_id_is_not_given_to_another_candidate() -> None:
    found = confirm_orphans(
        [candidate("sandbox_subnet.b"), candidate("sandbox_subnet.a", "sub_1")],
        [subnet("sub_1", "a")],
        set(),
        PLANNED,
    )
    assert [(item["address"], item["id"]) for item in found] == [("sandbox_subnet.a", "sub_1")]
