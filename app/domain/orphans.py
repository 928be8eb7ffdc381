"""Match what a cloud found by tag with what a dead apply may have left. Pure rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.redaction import SENSITIVE, UNKNOWN

KEPT_ON_PURPOSE = frozenset({"aws_db_snapshot"})
"""Types that outlive a destroy because the stack says so: the final snapshot of a database."""

PLACEHOLDERS = (SENSITIVE, UNKNOWN)
"""What a plan shows instead of a value; nothing can be compared with them."""

UNNAMED = "carries the tag of the stack, and no state holds it"


@dataclass(frozen=True)
class Sighting:
    """A resource that exists: ``type`` in Terraform's words, attributes in the cloud's."""

    id: str
    type: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Traces:
    """Evidence, beside the event log, of the address under which a resource was created.

    ``planned`` has the attributes that the plan wanted, by address; they tell siblings apart.
    ``creations`` has the type of each address that the plan wanted to create and the state lacks;
    ``addresses`` the address of each id that was ever made in the stack.
    """

    planned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    creations: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)


def confirm_orphans(
    candidates: Sequence[Mapping[str, Any]],
    sightings: Sequence[Sighting],
    traces: Traces,
    visible_types: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Return the true orphans: what exists, carries the tag, and is in no state.

    Args:
        candidates: ``{address, type, id, reason}`` as the event log told them.
        sightings: everything that carries the tag of the stack and that its state does not know.
        traces: what else tells under which address something was made.
        visible_types: what the cloud's search can find; nothing means all.

    Returns:
        One ``{address, type, id, reason}`` for each resource that is in no state. A candidate
        that does not exist was never created and is left out, unless the search is blind to its
        type; a resource of which nothing tells the address has none.
    """
    own = {candidate["address"]: candidate for candidate in candidates}
    places = _assign(candidates, sightings, traces)
    confirmed = [
        {**own[place], "id": seen.id} if place in own else _unnamed(place, seen)
        for seen, place in ((seen, places.get(seen.id)) for seen in sightings)
    ]
    if visible_types is not None:
        taken = set(places.values())
        confirmed += [
            dict(item)
            for item in candidates
            if item["address"] not in taken and item["type"] not in visible_types
        ]
    in_log = sorted(
        (item for item in confirmed if item["address"] in own),
        key=lambda item: str(item["address"]),
    )
    return in_log + [item for item in confirmed if item["address"] not in own]


def _assign(
    candidates: Sequence[Mapping[str, Any]], sightings: Sequence[Sighting], traces: Traces
) -> dict[str, str]:
    """Return the address of each sighting, by id, as far as something tells it.

    What is known for certain goes first. The others are paired by likeness, the best pair first,
    and not one candidate after the other: one that was never created must not get the resource of
    its sibling, which would then be imported under a wrong address and replaced.
    """
    places = {item["id"]: item["address"] for item in candidates if item["id"] is not None}
    places = {seen.id: places[seen.id] for seen in sightings if seen.id in places}
    for seen in sightings:
        known = traces.addresses.get(seen.id)
        if seen.id not in places and known is not None and known not in places.values():
            places[seen.id] = known
    named = {item["address"]: item["type"] for item in candidates if item["id"] is None}
    pairs = [
        (_likeness(seen, planned), place in named, seen.id, place)
        for place, kind in {**traces.creations, **named}.items()
        for planned in [traces.planned.get(place, {})]
        for seen in sightings
        if seen.type == kind and (place in named or _is_alike(seen, planned))
    ]
    for _, _, identifier, place in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
        if identifier not in places and place not in places.values():
            places[identifier] = place
    return places


def _unnamed(place: str | None, seen: Sighting) -> dict[str, Any]:
    """Describe what the event log does not name, under the address that traces of it tell."""
    return {"address": place, "type": seen.type, "id": seen.id, "reason": UNNAMED}


def _is_alike(seen: Sighting, planned: Mapping[str, Any]) -> bool:
    """Tell whether nothing that is known of it is otherwise than planned."""
    shared = _comparable(seen, planned)
    return bool(shared) and all(_is_as(seen.attributes[name], planned[name]) for name in shared)


def _likeness(seen: Sighting, planned: Mapping[str, Any]) -> int:
    """Count attributes that are as planned, less those that are otherwise."""
    shared = _comparable(seen, planned)
    alike = len([name for name in shared if _is_as(seen.attributes[name], planned[name])])
    return 2 * alike - len(shared)


def _comparable(seen: Sighting, planned: Mapping[str, Any]) -> list[str]:
    """Return the attributes of which the plan said more than a placeholder."""
    return [name for name in seen.attributes if planned.get(name) not in (None, *PLACEHOLDERS)]


def _is_as(value: Any, planned: Any) -> bool:
    """Compare; a cloud shows more tags than one resource asks for."""
    if isinstance(planned, str) and planned in PLACEHOLDERS:
        return True
    if isinstance(value, Mapping) and isinstance(planned, Mapping):
        return all(_is_as(value.get(name), wanted) for name, wanted in planned.items())
    return bool(value == planned)
