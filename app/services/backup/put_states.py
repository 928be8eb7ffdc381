"""Put the states of a backup into their place, and leave alone what is newer there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.crypto import KeyRing
from app.domain.state_errors import StateCorruptError
from app.services.backup.create import place_named
from app.services.backup.manifest import NamedVersion
from app.storage.s3_errors import StateMovedError
from app.storage.sealed_states import SealedStates
from app.storage.state_format import StoredState, open_version
from app.storage.state_store import StateStore


@dataclass(frozen=True)
class BackedUpStack:
    """A stack of a backup: where its state is kept, and its versions, lowest serial first."""

    id: str
    backend: str
    versions: tuple[StoredState, ...]


@dataclass
class PutStates:
    """What was done, and what a person should know.

    Attributes:
        count: how many versions were written.
        newer: stacks that have a newer state here than the backup.
        unknown: stacks that have a state here, and that the backup does not know.
        warnings: sentences.
    """

    count: int = 0
    newer: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def gather_stacks(
    stacks: Iterable[Mapping[str, Any]],
    versions: Iterable[Mapping[str, Any]],
    left_out: Iterable[NamedVersion],
) -> list[BackedUpStack]:
    """Return the stacks of a backup with their versions, from the rows of its tables."""
    pruned, found = frozenset(left_out), defaultdict(list)
    for row in versions:
        if NamedVersion(row["stack_id"], row["serial"], row["sha256"]) not in pruned:
            found[row["stack_id"]].append(
                StoredState(
                    row["serial"],
                    row["lineage"],
                    row["sha256"],
                    row["size_bytes"],
                    row["terraform_version"],
                )
            )
    return [
        BackedUpStack(
            row["id"],
            row.get("state_backend") or "volume",
            tuple(sorted(found[row["id"]], key=lambda stored: stored.serial)),
        )
        for row in stacks
    ]


def put_states(
    keys: KeyRing,
    folder: Path,
    stacks: Iterable[BackedUpStack],
    places: Mapping[str, SealedStates],
    stores: Mapping[str, StateStore],
    damaged: Collection[NamedVersion] = (),
) -> PutStates:
    """Put every state version of a backup where it is not yet; may be repeated.

    Args:
        keys: opens what is there already.
        folder: of the backup, verified.
        stacks: those of the backup.
        places: where states are, by backend.
        stores: the same places, as stores.
        damaged: versions that are left out, because the backup has nothing good of them.
    """
    done = PutStates()
    present = {name: place.stacks() for name, place in places.items()}
    known: set[str] = set()
    for stack in stacks:
        known.add(stack.id)
        if not stack.versions:
            continue
        place = place_named(places, stack.backend)
        is_here = stack.id in present[stack.backend]
        for stored in stack.versions:
            version = NamedVersion(stack.id, stored.serial, stored.sha256)
            if version in damaged or (is_here and _is_whole(keys, place, stack.id, stored)):
                continue
            sealed = (folder / version.path).read_bytes()
            place.put(stack.id, stored.serial, stored.sha256, sealed)
            done.count += 1
        _point(stack, place, stores[stack.backend], done)
    for place in places.values():
        place.sync()
    done.unknown = sorted(set().union(*present.values()) - known)
    return done


def _is_whole(keys: KeyRing, place: SealedStates, stack_id: str, stored: StoredState) -> bool:
    sealed = place.read(stack_id, stored.serial, stored.sha256)
    if sealed is None:
        return False
    try:
        open_version(keys, stack_id, stored.serial, stored.sha256, sealed)
    except StateCorruptError:
        return False
    return True


def _point(stack: BackedUpStack, place: SealedStates, store: StateStore, done: PutStates) -> None:
    """Make the newest version of the backup the present one, unless a newer one is here."""
    newest = stack.versions[-1]
    try:
        here = store.current(stack.id)
    except StateMovedError:
        here = None
        done.warnings.append(
            f"The state of {stack.id} had left this place after the backup. What the backup has is "
            "here again; what the other place has is left there."
        )
    except StateCorruptError:
        here = None
    if here is None or here.serial < newest.serial:
        place.point_to(stack.id, newest)
    elif here.serial > newest.serial:
        done.newer.append(stack.id)
    elif here.sha256 != newest.sha256:
        done.warnings.append(
            f"{stack.id} has another state {here.serial} here than in the backup. It is left, and "
            "nothing will follow it: roll the stack back."
        )
