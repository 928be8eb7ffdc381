"""What the events of an apply prove: which resources may exist although no state holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.state_file import StateFile
from app.terraform.events import Event

CREATE = "create"


@dataclass(frozen=True)
class OrphanCandidate:
    """A resource that may exist in the cloud although no state knows it."""

    address: str
    type: str
    id: str | None
    reason: str


def possibly_orphaned(events: Iterable[Event], state: StateFile | None) -> list[OrphanCandidate]:
    """Name what Terraform created, or began to create, and the state does not hold.

    A creation that began and whose end was not seen is always named: with
    ``create_before_destroy`` the state shows the old object under the same address. One that
    ended is named unless the state holds that id (or, for a resource without id, that address).
    One that failed and that no state holds is named unless an error of its own explains it: none
    does when no answer came from its provider or its cloud, or when Terraform ended before it could
    say why. What Terraform says of itself ("operation canceled", at a second interrupt) explains
    no resource: the cloud may well have made it.

    Args:
        events: all events of the apply, in order.
        state: the newest valid state afterwards, or None when there is none.
    """
    started: dict[str, Event] = {}
    failed: dict[str, Event] = {}
    created: list[Event] = []
    unanswered: set[str | None] = set()
    explained: set[str | None] = set()
    for event in events:
        if event.diagnostic is not None and event.diagnostic.is_error:
            is_answer = not event.diagnostic.is_unanswered
            (explained if is_answer else unanswered).add(event.diagnostic.address)
        if event.address is None or event.action != CREATE:
            continue
        if event.type == "apply_start":
            started[event.address] = event
        elif event.type == "apply_complete":
            started.pop(event.address, None)
            created.append(event)
        elif event.type == "apply_errored":
            started.pop(event.address, None)
            failed[event.address] = event
    lost = [_candidate(event, "created, but not in the state") for event in created]
    known = _known(state)
    present = state.identifiers() if state else {}
    return [
        *(item for item in lost if (item.address, item.id) not in known),
        *(
            _candidate(event, "its creation began, its end was not seen")
            for event in started.values()
        ),
        *(
            _candidate(event, "no answer came to its creation")
            for address, event in failed.items()
            if address not in present and ({address, None} & unanswered or address not in explained)
        ),
    ]


def _known(state: StateFile | None) -> set[tuple[str, str | None]]:
    """Return (address, id) of what the state holds; (address, None) stands for "any id"."""
    if state is None:
        return set()
    known: set[tuple[str, str | None]] = set()
    for address, identifier in state.identifiers().items():
        known.update({(address.split(" (deposed ")[0], identifier), (address, None)})
    return known


def _candidate(event: Event, reason: str) -> OrphanCandidate:
    return OrphanCandidate(event.address or "", event.resource_type or "", event.id_value, reason)
