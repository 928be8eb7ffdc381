"""The chain of the audit trail: what an event's hash covers, and what a broken chain shows.

Each event carries the hash of the one before it, so none can be changed, taken out, put in or
moved without changing all that follow. Who recomputes all of it is found by anchors: signed notes,
kept outside the database, of which hash an event had.

The canonical form never changes, or old events could not be checked any more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What the first event has in place of the hash of an earlier one."""


@dataclass(frozen=True)
class Actor:
    """Who did it: a person, an API token or Landform, and where the request came from."""

    id: str | None
    name: str
    kind: str
    address: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {"id": self.id, "name": self.name, "kind": self.kind, "address": self.address}


@dataclass(frozen=True)
class ChainedEvent:
    """One event as it is hashed, shown and exported."""

    sequence: int
    id: str
    at: datetime
    actor: Actor
    action: str
    object_type: str
    object_id: str
    project_id: str | None
    request_id: str | None
    detail: Mapping[str, Any]
    previous_hash: str
    hash: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON shows it, with its hash."""
        return {**self._hashed(), "hash": self.hash}

    def compute_hash(self) -> str:
        """Return the SHA-256 of what JSON shows of it, without ``hash``, in canonical form."""
        return hashlib.sha256(canonical_json(self._hashed())).hexdigest()

    @classmethod
    def from_dict(cls, shown: Mapping[str, Any]) -> ChainedEvent:
        """Read back what ``to_dict`` gave.

        Raises:
            KeyError, TypeError, ValueError: it is no such object.
        """
        values: dict[str, Any] = {name: shown[name] for name in cls.__dataclass_fields__}
        values["actor"] = Actor(**shown["actor"])
        values["at"] = datetime.fromisoformat(shown["at"])
        if not (isinstance(shown["sequence"], int) and isinstance(shown["hash"], str)):
            raise TypeError("sequence or hash is of another type")
        return cls(**values)

    def _hashed(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "id": self.id,
            "at": exact_time(self.at),
            "actor": self.actor.to_dict(),
            "action": self.action,
            "object_type": self.object_type,
            "object_id": self.object_id,
            "project_id": self.project_id,
            "request_id": self.request_id,
            "detail": self.detail,
            "previous_hash": self.previous_hash,
        }


@dataclass(frozen=True)
class ChainLink:
    """An event's place in the chain, and its hash: all that an anchor says."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Anchor:
    """A note, kept outside the database, of the hash that an event had; signed by a key."""

    sequence: int
    hash: str
    at: str
    volume: str
    key: str = ""
    signature: str = ""

    def signed_part(self) -> bytes:
        """Return what the signature covers."""
        said = {"sequence": self.sequence, "hash": self.hash, "at": self.at, "volume": self.volume}
        return canonical_json(said)

    def to_line(self) -> bytes:
        """Return it as one line of the file of anchors."""
        return canonical_json(self.__dict__) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Anchor | None:
        """Read a line back; nothing when it is torn or was never an anchor."""
        try:
            anchor = cls(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            return None
        texts = (anchor.hash, anchor.at, anchor.volume, anchor.key, anchor.signature)
        is_typed = type(anchor.sequence) is int and all(isinstance(text, str) for text in texts)
        return anchor if is_typed else None


@dataclass(frozen=True)
class ChainFault:
    """One thing that is wrong with the trail.

    ``sequence`` is the event to look at; ``kind`` is ``changed``, ``missing``, ``misplaced``,
    ``rewritten``, ``cut``, ``forged`` (an anchor) or ``unproven`` (no anchor can be checked).
    """

    kind: str
    sequence: int
    detail: str


@dataclass
class ChainCheck:
    """Walks over a chain and says what is wrong with it; afterwards ``last`` is its end.

    Args:
        anchored: hashes that genuine anchors say events have, by sequence.
    """

    anchored: Mapping[int, set[str]] = field(default_factory=dict)
    count: int = 0
    proven: int = 0
    last: ChainLink = ChainLink(0, GENESIS)

    def walk(self, events: Iterable[ChainedEvent]) -> Iterator[ChainFault]:
        """Check events, which must come in the order of their sequence, from where it stands."""
        for event in events:
            yield from self._check_place(event)
            computed = event.compute_hash()
            if computed != event.hash:
                detail = f"Event {event.sequence} ({event.id}) is not what it was when written."
                yield ChainFault("changed", event.sequence, detail)
            yield from self._check_anchor(event)
            self.last = ChainLink(event.sequence, event.hash)
            self.count += 1

    def end(self, head: ChainLink | None) -> Iterator[ChainFault]:
        """Check that the chain does not end too early; ``head`` is the end that SQL remembers."""
        known = max([*self.anchored, head.sequence if head else 0], default=0)
        if known > self.last.sequence:
            detail = f"Events {self.last.sequence + 1} to {known} are missing at the end."
            yield ChainFault("cut", self.last.sequence + 1, detail)
        elif head is not None and head != self.last:
            detail = f"The chain ends with event {self.last.sequence}, SQL remembers another end."
            yield ChainFault("misplaced", self.last.sequence, detail)

    def _check_place(self, event: ChainedEvent) -> Iterator[ChainFault]:
        expected = self.last.sequence + 1
        if event.sequence > expected:
            detail = f"Events {expected} to {event.sequence - 1} are missing."
            yield ChainFault("missing", expected, detail)
        elif event.sequence < expected:
            detail = f"Event {event.sequence} ({event.id}) stands after {self.last.sequence}."
            yield ChainFault("misplaced", event.sequence, detail)
        elif event.previous_hash != self.last.hash:
            detail = (
                f"Event {event.sequence} ({event.id}) does not follow event "
                f"{self.last.sequence}: one of them was replaced, moved or put in."
            )
            yield ChainFault("misplaced", event.sequence, detail)

    def _check_anchor(self, event: ChainedEvent) -> Iterator[ChainFault]:
        hashes = self.anchored.get(event.sequence)
        if hashes is None:
            return
        if hashes == {event.hash}:
            self.proven = event.sequence
            return
        detail = (
            f"Of events {self.proven + 1} to {event.sequence} at least one was changed and the "
            "chain computed anew: an anchor says otherwise."
        )
        yield ChainFault("rewritten", event.sequence, detail)


def canonical_json(value: Any) -> bytes:
    """Return JSON that is the same for the same value: sorted keys, no spaces, ASCII only."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def plain_json(value: Any) -> Any:
    """Return ``value`` as it comes back from a JSON column, so that its hash stays the same."""
    return json.loads(json.dumps(value, default=str))


def exact_time(moment: datetime) -> str:
    """Format a time to the microsecond, as it is stored and hashed."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")
