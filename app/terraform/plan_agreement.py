"""Compare a plan with what was last agreed: what differs outside, and what applying makes of it.

Terraform compares reality with the recorded state, which every apply refreshes. This module puts
the agreed picture in the place of the recorded one. It works on the plan's raw document, which
holds secrets, and is called where that is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.agreed_values import (
    ABSENT,
    Agreed,
    Path,
    carried_along,
    difference,
    differing,
    is_under,
    overlaps,
    overlay,
    put_at,
    value_at,
)
from app.domain.agreement import NOTHING, Agreement, Entry, Transition, ValueStep, Written

QUIET: tuple[list[str], ...] = (["no-op"], ["read"], [])


@dataclass(frozen=True)
class AgreedComparison:
    """What a plan means for the agreed picture.

    Args:
        drift: like ``resource_drift`` of the plan, with the agreed values as ``before``.
        transition: what applying the plan does about it.
        restored: addresses of which the plan makes what was agreed.
        settled: the agreed picture over the recorded state, once what our last apply changed on
            its way counts as agreed; None when all was settled.
    """

    drift: tuple[Mapping[str, Any], ...] = field(repr=False)
    transition: Transition = field(repr=False)
    restored: frozenset[str]
    settled: Agreement | None = field(repr=False)


def compare_with_agreed(
    document: Mapping[str, Any],
    agreement: Agreement = NOTHING,
    moving: Mapping[str, Collection[str]] | None = None,
) -> AgreedComparison:
    """Compare what a plan met with what was agreed.

    Args:
        document: ``show -json`` of the plan.
        agreement: over the recorded state that it was made from.
        moving: attributes that the cloud changes by itself, by type of resource.
    """
    comparison = _Comparison(document, agreement, moving or {})
    for item in document.get("resource_drift") or ():
        comparison.meet(item)
    for address in sorted(comparison.entries.keys() - comparison.met):
        comparison.recall(address)
    return comparison.conclude()


class _Comparison:
    def __init__(
        self,
        document: Mapping[str, Any],
        agreement: Agreement,
        moving: Mapping[str, Collection[str]],
    ) -> None:
        changes = document.get("resource_changes") or ()
        self._changes = {item["address"]: item for item in changes if not item.get("deposed")}
        moved = {
            item["previous_address"]: address
            for address, item in self._changes.items()
            if item.get("previous_address")
        }
        self.entries = {moved.get(name, name): entry for name, entry in agreement.entries.items()}
        self._unsettled = {moved.get(name, name) for name in agreement.unsettled}
        self._is_settling = bool(agreement.unsettled)
        self._moving = moving
        self._prior = dict(prior_resources(document))
        self.met: set[str] = set()
        self._drift: list[Mapping[str, Any]] = []
        self._steps: dict[str, ValueStep] = {}
        self._settled = dict(self.entries)

    def meet(self, item: Mapping[str, Any]) -> None:
        """Take in a resource that is otherwise than recorded."""
        if item["mode"] != "managed" or item.get("deposed"):
            self._drift.append(item)
            return
        address, change = item["address"], item["change"]
        before, reality = change.get("before") or {}, change.get("after")
        self.met.add(address)
        entry = self._entry(address, before)
        if reality is None:
            gone = _with(item, overlay(before, entry.agreed), None, _marks_of(change, entry))
            self._drift.append(gone)
            self._steps[address] = ValueStep(Entry(_id(before), gone=gone))
            return
        is_ours = address in self._unsettled
        if is_ours and entry.agreed:  # what differed before the apply may differ otherwise by it
            over = tuple(
                carried_along(one, value_at(before, one.path), value_at(reality, one.path))
                for one in entry.agreed
            )
            entry = self.entries[address] = replace(entry, agreed=over)
        agreed = overlay(reality if is_ours else before, entry.agreed, reality)
        if is_ours:
            agreed = self._without_meddling(address, agreed, before)
            self._settle(item["type"], address, agreed, before)
        self._compare(item, agreed, reality, _marks_of(change, entry))

    def recall(self, address: str) -> None:
        """Take in a resource that is as recorded, and was agreed otherwise."""
        entry, prior = self.entries[address], self._prior.get(address)
        if entry.gone is not None:
            if prior is None:
                self._drift.append(entry.gone)
                self._steps[address] = ValueStep(entry)
            return
        if prior is None or entry.id != _id(prior["values"]):
            return
        reality = prior["values"]
        change = {"before_sensitive": prior.get("sensitive_values", False)}
        change["after_sensitive"] = change["before_sensitive"]
        item = {**prior, "module_address": prior["module_address"], "change": change}
        agreed = overlay(reality, entry.agreed)
        self._compare(item, agreed, reality, _marks_of(change, entry))

    def conclude(self) -> AgreedComparison:
        """Return what was found."""
        touched = {
            address
            for address, item in self._changes.items()
            if item["mode"] == "managed" and item["change"]["actions"] not in QUIET
        }
        self._keep_undone()
        restored = {address for address in self._steps if self._is_restored(address)}
        settled = Agreement(self._settled) if self._is_settling else None
        built_on = {
            name
            for address in touched
            if "delete" in self._changes[address]["change"]["actions"]
            for name in (self._prior.get(address) or {}).get("depends_on") or ()
        }
        transition = Transition(self._steps, frozenset(touched), frozenset(built_on))
        return AgreedComparison(tuple(self._drift), transition, frozenset(restored), settled)

    def _keep_undone(self) -> None:
        """Keep what was agreed where only the record differs; the apply may not come to it."""
        for address, entry in self.entries.items():
            prior = self._prior.get(address)
            if prior is None or address in self._steps or entry.id != _id(prior["values"]):
                continue
            if entry.agreed:
                self._steps[address] = ValueStep(entry, self._written(address, entry.agreed))

    def _entry(self, address: str, before: Mapping[str, Any]) -> Entry:
        """Return the agreed picture of a resource, unless it is of another one."""
        known = self.entries.get(address)
        is_of_it = known is not None and known.gone is None and known.id == _id(before)
        return known if known is not None and is_of_it else Entry(_id(before))

    def _compare(
        self,
        item: Mapping[str, Any],
        agreed: Mapping[str, Any],
        reality: Mapping[str, Any],
        marks: tuple[Any, list[Path]],
    ) -> None:
        found = difference(agreed, reality, self._moving.get(item["type"], ()), marks[1])
        if found:
            self._drift.append(_with(item, agreed, reality, marks))
            written = self._written(item["address"], found)
            self._steps[item["address"]] = ValueStep(Entry(_id(reality), found), written)

    def _settle(
        self, kind: str, address: str, agreed: Mapping[str, Any], recorded: Mapping[str, Any]
    ) -> None:
        found = difference(agreed, recorded, self._moving.get(kind, ()))
        self._settled.pop(address, None)
        if found:
            self._settled[address] = Entry(_id(recorded), found)

    def _without_meddling(
        self, address: str, agreed: dict[str, Any], recorded: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what is agreed after our apply, without what the plan would undo again."""
        change = self._changes.get(address, {}).get("change")
        if change is not None and change["actions"] == ["update"]:
            for written in _planned(change):
                agreed = put_at(agreed, written.path, value_at(recorded, written.path))
        return agreed

    def _written(self, address: str, found: Collection[Agreed]) -> tuple[Written, ...]:
        """Return what the plan changes of that which differs from the agreed."""
        change = self._changes.get(address, {}).get("change")
        if change is None or change["actions"] != ["update"]:
            return ()
        return tuple(
            item for item in _planned(change) if any(overlaps(item.path, one.path) for one in found)
        )

    def _is_restored(self, address: str) -> bool:
        change = self._changes.get(address, {}).get("change")
        if change is None:
            return False
        entry = self._steps[address].entry
        if entry.gone is not None:
            return bool(change["actions"] == ["create"])
        if change["actions"] != ["update"]:
            return False
        agreed = overlay(change["before"], entry.agreed)
        unknown = [path for path, _ in _unknown(change.get("after_unknown"), ())]
        left = difference(agreed, change["after"])
        return all(any(is_under(item.path, path) for path in unknown) for item in left)


def prior_resources(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each managed resource as the plan met it, by address."""
    values = (document.get("prior_state") or {}).get("values") or {}
    waiting = [values.get("root_module") or {}]
    while waiting:
        module = waiting.pop()
        waiting += module.get("child_modules") or ()
        for item in module.get("resources") or ():
            if item["mode"] == "managed" and "deposed_key" not in item:
                yield item["address"], {**item, "module_address": module.get("address", "")}


def _planned(change: Mapping[str, Any]) -> Iterator[Written]:
    """Yield the attributes that an update changes; what is not known yet has no value."""
    before, after = change["before"], change["after"]
    unknown = list(_unknown(change.get("after_unknown"), ()))
    for path, new, old in differing(after, before):
        if not any(is_under(path, hidden) for hidden, _ in unknown):
            yield Written(path, _plain(old), _plain(new))
    for path, _ in unknown:
        yield Written(path, _plain(value_at(before, path)), None, is_known=False)


def _unknown(marks: Any, path: Path) -> Iterator[tuple[Path, bool]]:
    if marks is True:
        yield path, True
    elif isinstance(marks, dict):
        for key, mark in marks.items():
            yield from _unknown(mark, (*path, key))
    elif isinstance(marks, list):
        for index, mark in enumerate(marks):
            yield from _unknown(mark, (*path, index))


def _plain(value: Any) -> Any:
    return None if value is ABSENT else value


def _with(
    item: Mapping[str, Any],
    agreed: Mapping[str, Any],
    reality: Mapping[str, Any] | None,
    marks: tuple[Any, list[Path]],
) -> Mapping[str, Any]:
    """Return an item of ``resource_drift`` with the agreed values as those before."""
    change = {
        **item["change"],
        "actions": ["update"] if reality is not None else ["delete"],
        "before": dict(agreed),
        "after": None if reality is None else dict(reality),
        "before_sensitive": marks[0],
    }
    names = ("address", "module_address", "mode", "type", "name", "index", "provider_name")
    return {**{name: item[name] for name in names if name in item}, "change": change}


def _marks_of(change: Mapping[str, Any], entry: Entry) -> tuple[Any, list[Path]]:
    """Return which parts of the agreed values are secret: as Terraform's marks, and as paths."""
    marks = change.get("before_sensitive", False)
    paths = [item.path for item in entry.agreed if item.is_sensitive]
    for path in paths:
        marks = mark(marks, path)
    after = change.get("after_sensitive", False)
    return marks, [path for path, _ in (*_unknown(marks, ()), *_unknown(after, ()))]


def mark(marks: Any, path: Path) -> Any:
    """Return Terraform's marks of secret parts in which ``path`` is one."""
    if marks is True or not path:
        return True
    key, rest = path[0], path[1:]
    if isinstance(key, int):
        items = list(marks) if isinstance(marks, list) else []
        items += [False] * (key + 1 - len(items))
        items[key] = mark(items[key], rest)
        return items
    known = dict(marks) if isinstance(marks, dict) else {}
    return {**known, key: mark(known.get(key, False), rest)}


def _id(attributes: Mapping[str, Any]) -> str | None:
    value = attributes.get("id")
    return value if isinstance(value, str) else None
