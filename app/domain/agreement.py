"""What was last agreed about the resources of a stack, where their state differs. Pure rules.

Terraform refreshes the state at every apply, so the state says what *is*, not what was agreed.
Agreed is what we applied, and what a person accepted. Nearly always the two are the same; so only
the differences are kept: for each resource, the agreed values that the state has lost.

Who changed an attribute decides what is agreed afterwards:

==========================  =======================================
changed by                  agreed is then
==========================  =======================================
our apply (plan says so)    what the apply left
the configuration           what the apply left, once it is applied
somebody outside            as before
somebody outside, accepted  what is there
==========================  =======================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.agreed_values import (
    ABSENT,
    Agreed,
    Path,
    difference,
    is_same,
    is_under,
    overlay,
    put_at,
    value_at,
)


@dataclass(frozen=True)
class Entry:
    """What was agreed about one resource, where the state differs.

    ``gone`` describes a resource that disappeared outside and that the state has dropped: the item
    of ``resource_drift`` in which Terraform said so.
    """

    id: str | None
    agreed: tuple[Agreed, ...] = ()
    gone: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether the state says what was agreed."""
        return not self.agreed and self.gone is None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; they are secret."""
        data: dict[str, Any] = {"id": self.id, "agreed": [item.to_dict() for item in self.agreed]}
        return data | ({"gone": dict(self.gone)} if self.gone is not None else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entry:
        """Rebuild what ``to_dict`` made."""
        agreed = tuple(Agreed.from_dict(item) for item in data["agreed"])
        return cls(data["id"], agreed, data.get("gone"))


@dataclass(frozen=True)
class Agreement:
    """The agreed picture of a stack, as what to put over its recorded state.

    ``unsettled`` are resources that our last apply may have changed on its way, without the record
    having followed yet: how they differ at the next look is our own work.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Tell whether there is more to know than the recorded state."""
        return bool(self.entries or self.unsettled)

    def sentence(self) -> str:
        """Say which resources are otherwise than agreed, after an apply."""
        names = ", ".join(sorted(self.entries))
        return (
            f"Still otherwise than agreed: {names}. What no apply undoes is undone in the cloud, "
            "or accepted."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; they are secret."""
        entries = {name: entry.to_dict() for name, entry in sorted(self.entries.items())}
        return {"entries": entries, "unsettled": sorted(self.unsettled)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Agreement:
        """Rebuild what ``to_dict`` made."""
        entries = {name: Entry.from_dict(item) for name, item in data["entries"].items()}
        return cls(entries, frozenset(data["unsettled"]))


NOTHING = Agreement()


@dataclass(frozen=True)
class Written:
    """One attribute that a plan changes: from what it met to what it wants, if that is known."""

    path: Path
    before: Any = field(repr=False)
    after: Any = field(repr=False)
    is_known: bool = True

    def has_happened(self, actual: Any, *, is_done: bool) -> bool:
        """Tell whether the attribute is as the plan wanted it."""
        if self.is_known:
            return is_same(actual, self.after)
        return is_done or not is_same(actual, self.before)


@dataclass(frozen=True)
class ValueStep:
    """What an apply does about one resource that is not as agreed.

    ``entry`` is the agreed picture over what the plan met, ``written`` what the apply changes.
    """

    entry: Entry
    written: tuple[Written, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; they are secret."""
        written = [[list(w.path), w.before, w.after, w.is_known] for w in self.written]
        return {"entry": self.entry.to_dict(), "written": written}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ValueStep:
        """Rebuild what ``to_dict`` made."""
        written = tuple(
            Written(tuple(path), before, after, known)
            for path, before, after, known in data["written"]
        )
        return cls(Entry.from_dict(data["entry"]), written)


@dataclass(frozen=True)
class Transition:
    """What becomes of the agreed picture when a plan is applied.

    ``touched`` are the resources that it changes; ``built_on`` those, without their index, that
    what it destroys was built on. ``is_partial`` says that it does not look at all that is wanted;
    ``met`` are those that differed at the plan, where ``steps`` are of a later look.
    """

    steps: Mapping[str, ValueStep] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()
    built_on: frozenset[str] = frozenset()
    is_partial: bool = False
    met: frozenset[str] = frozenset()

    @property
    def looked_at(self) -> frozenset[str]:
        """Addresses of what differed, then or later."""
        return self.met | self.steps.keys()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; they are secret."""
        return {
            "steps": {name: step.to_dict() for name, step in self.steps.items()},
            "touched": sorted(self.touched),
            "built_on": sorted(self.built_on),
            "partial": self.is_partial,
            "met": sorted(self.met),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Transition:
        """Rebuild what ``to_dict`` made."""
        steps = {name: ValueStep.from_dict(item) for name, item in data["steps"].items()}
        touched, met = frozenset(data["touched"]), frozenset(data["met"])
        built_on = frozenset(data.get("built_on", ()))  # older plans do not say it
        return cls(steps, touched, built_on, data["partial"], met)


@dataclass(frozen=True)
class Recorded:
    """A resource as a state has it; ``sensitive`` are the paths of its secret parts."""

    type: str
    id: str | None
    attributes: Mapping[str, Any] = field(repr=False)
    sensitive: tuple[Path, ...] = ()


def follow(
    transition: Transition,
    state: Mapping[str, Recorded],
    *,
    is_done: bool,
    accepted: Collection[str] = (),
) -> dict[str, Entry]:
    """Return what is agreed beside the state that an apply left.

    Args:
        transition: of the plan that was applied.
        state: what the apply left, by address.
        is_done: whether it ended well; else each resource tells whether its change was made.
        accepted: addresses of which a person accepts what is there.
    """
    entries = {}
    for address, step in transition.steps.items():
        if is_done and address in accepted:
            continue
        actual = state.get(address)
        if step.entry.gone is not None:
            # Made again, or, when the whole plan was carried out, not wanted any more.
            is_over = actual is not None or (is_done and not transition.is_partial)
            entry = Entry(step.entry.id) if is_over else step.entry
        elif actual is None or actual.id != step.entry.id:
            continue  # we destroyed or replaced it
        else:
            entry = _after(step, actual, is_done=is_done)
        if not entry.is_empty:
            entries[address] = entry
    return entries


def carry_over(
    agreement: Agreement,
    old: Mapping[str, Recorded],
    new: Mapping[str, Recorded],
    ignored: Mapping[str, Collection[str]],
) -> Agreement:
    """Return the same agreed picture over another state of the same stack.

    A state that is put in the place of another (an upload, an earlier version) agrees to nothing:
    what it says otherwise about a resource that both have differs from what was agreed.

    Args:
        agreement: over ``old``.
        old: the state until now.
        new: the state from now on.
        ignored: attributes that the cloud changes by itself, by type of resource.
    """
    entries = {
        name: entry
        for name, entry in agreement.entries.items()
        if entry.gone is not None and name not in new
    }
    for address, actual in new.items():
        before = old.get(address)
        if before is None or before.id != actual.id:
            continue
        entry = agreement.entries.get(address, Entry(before.id))
        agreed = overlay(before.attributes, entry.agreed, actual.attributes)
        secret = [*_marks(entry.agreed), *before.sensitive, *actual.sensitive]
        left_out = ignored.get(actual.type, ())
        found = difference(agreed, actual.attributes, left_out, secret)
        if found:
            entries[address] = Entry(actual.id, found)
    return replace(agreement, entries=entries)


def _after(step: ValueStep, actual: Recorded, *, is_done: bool) -> Entry:
    """Return what is agreed about a resource that is still there."""
    agreed = list(step.entry.agreed)
    for written in step.written:
        now = value_at(actual.attributes, written.path)
        if written.has_happened(now, is_done=is_done):
            agreed = [_follow_written(item, written.path, now) for item in agreed]
            agreed = [item for item in agreed if not is_under(item.path, written.path)]
    wanted = overlay(actual.attributes, agreed)
    return Entry(actual.id, difference(wanted, actual.attributes, (), _marks(agreed)))


def _follow_written(item: Agreed, path: Path, now: Any) -> Agreed:
    """Take a written part into an agreed value that contains it."""
    is_inside = len(path) > len(item.path) and is_under(path, item.path)
    if not is_inside or item.value is ABSENT:
        return item
    return replace(item, value=put_at(item.value, path[len(item.path) :], now))


def _marks(agreed: Collection[Agreed]) -> list[Path]:
    return [item.path for item in agreed if item.is_sensitive]
