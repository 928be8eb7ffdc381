"""Match what a cloud found by tag with what a dead apply may have left. Pure rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNNAMED = "carries the tag of the stack, and no state holds it"


@dataclass(frozen=True)
class Sighting:
    """A resource that exists: ``type`` in Terraform's words, attributes in the cloud's."""

    id: str
    type: str
    attributes: Mapping[str, Any]


def confirm_orphans(
    candidates: Sequence[Mapping[str, Any]],
    sightings: Sequence[Sighting],
    known_ids: Collection[str],
    planned: Mapping[str, Mapping[str, Any]],
    visible_types: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Return the true orphans: what exists, carries the tag, and is in no state.

    Args:
        candidates: ``{address, type, id, reason}`` as the event log told them.
        sightings: everything that carries the tag of the stack.
        known_ids: ids that the state of record holds.
        planned: attributes that the plan wanted, by address; they tell siblings apart.
        visible_types: what the cloud's search can find; nothing means all.

    Returns:
        One ``{address, type, id, reason}`` for each resource that is in no state. A candidate
        that does not exist was never created and is left out, unless the search is blind to its
        type; a resource that fits no candidate has no address.
    """
    lost = {seen.id: seen for seen in sightings if seen.id not in known_ids}
    confirmed = []
    for candidate in sorted(candidates, key=lambda item: item["id"] is None):
        seen = _best(candidate, lost.values(), planned.get(candidate["address"], {}))
        if seen is not None:
            del lost[seen.id]
            confirmed.append({**candidate, "id": seen.id})
        elif visible_types is not None and candidate["type"] not in visible_types:
            confirmed.append(dict(candidate))
    unnamed = [
        {"address": None, "type": seen.type, "id": seen.id, "reason": UNNAMED}
        for seen in lost.values()
    ]
    return sorted(confirmed, key=lambda item: str(item["address"])) + unnamed


def _best(
    candidate: Mapping[str, Any], lost: Collection[Sighting], planned: Mapping[str, Any]
) -> Sighting | None:
    if candidate["id"] is not None:
        return next((seen for seen in lost if seen.id == candidate["id"]), None)
    fitting = [seen for seen in lost if seen.type == candidate["type"]]
    return max(fitting, key=lambda seen: _likeness(seen, planned), default=None)


def _likeness(seen: Sighting, planned: Mapping[str, Any]) -> int:
    """Count attributes that are as planned, less those that are otherwise."""
    shared = [name for name in seen.attributes if planned.get(name) is not None]
    alike = len([name for name in shared if seen.attributes[name] == planned[name]])
    return 2 * alike - len(shared)
