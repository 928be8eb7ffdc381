"""The agreed values of a resource's attributes over those that are there, path by path. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app import exact_json

Path = tuple[str | int, ...]

MAX_VALUE_BYTES = 64 * 1024
"""A longer value is kept as its digest: enough to tell whether it is there again."""

ABSENT: Any = object()
_LONG = re.compile(r"\(a long value, SHA-256 ([0-9a-f]{64})\)")


@dataclass(frozen=True)
class Agreed:
    """The agreed value at one path of a resource's attributes; ``ABSENT`` where there was none."""

    path: Path
    value: Any = field(repr=False)
    is_sensitive: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; they are secret."""
        data: dict[str, Any] = {"path": list(self.path)}
        if self.value is not ABSENT:
            data["value"] = self.value
        return data | ({"sensitive": True} if self.is_sensitive else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Agreed:
        """Rebuild what ``to_dict`` made."""
        value = data.get("value", ABSENT)
        return cls(tuple(data["path"]), value, data.get("sensitive", False))


def overlay(
    attributes: Mapping[str, Any],
    agreed: Collection[Agreed],
    reality: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the agreed attributes.

    Args:
        attributes: as recorded.
        agreed: what was agreed where the record differs.
        reality: what is there now, if that is not the record; a value of which only the digest is
            kept is looked for in both.
    """
    result: Any = dict(attributes)
    for item in agreed:
        result = put_at(result, item.path, _restore(item, attributes, reality or {}))
    return dict(result)


def difference(
    agreed: Mapping[str, Any],
    actual: Mapping[str, Any],
    ignored: Collection[str] = (),
    sensitive: Collection[Path] = (),
) -> tuple[Agreed, ...]:
    """Return what to put over ``actual`` so that it says what was agreed.

    That one has null where the other has nothing, or an empty text or collection, is no difference.

    Args:
        agreed: the agreed attributes.
        actual: the attributes as they are.
        ignored: names of attributes that the cloud changes by itself.
        sensitive: paths of secret parts.
    """
    known = {name: value for name, value in agreed.items() if name not in ignored}
    other = {name: value for name, value in actual.items() if name not in ignored}
    return tuple(
        Agreed(path, _shorten(value), any(overlaps(path, mark) for mark in sensitive))
        for path, value, _ in differing(known, other)
    )


def differing(wanted: Any, actual: Any, path: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """Yield path, wanted and actual value of each difference, as deep as objects go.

    A list is one value, since only its provider knows what belongs together in it; but for one
    element against one, which is how Terraform writes a block that there is once.
    """
    if isinstance(wanted, dict) and isinstance(actual, dict):
        for key in sorted({*wanted, *actual}):
            old, new = wanted.get(key, ABSENT), actual.get(key, ABSENT)
            yield from differing(old, new, (*path, key))
    elif _is_one(wanted) and _is_one(actual):
        yield from differing(wanted[0], actual[0], (*path, 0))
    elif not is_same(wanted, actual):
        yield path, wanted, actual


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same to Terraform.

    A number is no truth value, and nothing is the same as an empty text or collection.
    """
    return bool(_essence(one) == _essence(other))


def carried_along(item: Agreed, was: Any, now: Any) -> Agreed:
    """Return what is agreed at a path once our own apply has changed what is there.

    What it put there and took away is agreed; what somebody else had added to a list, or taken from
    it, stays as it was agreed.

    Args:
        item: what was agreed.
        was: what was there before our apply; the two differ.
        now: what our apply made of it.
    """
    if is_same(was, now):
        return item
    agreed, before, after = (_parts(value) for value in (item.value, was, now))
    if agreed is None or before is None or after is None:
        return replace(item, value=now)
    kept = [part for part in agreed if _has(after, part) or not _has(before, part)]
    value = kept + [part for part in after if not _has(before, part) and not _has(kept, part)]
    is_all = len(value) == len(after) and all(_has(value, part) for part in after)
    return replace(item, value=now if is_all else value)  # in another order it is the same


def _parts(value: Any) -> list[Any] | None:
    """Return the elements of a list, of which there are none where nothing is."""
    if value is ABSENT or value is None:
        return []
    return value if isinstance(value, list) else None


def _has(parts: list[Any], wanted: Any) -> bool:
    return any(is_same(part, wanted) for part in parts)


def overlaps(one: Path, other: Path) -> bool:
    """Tell whether one path leads to the other, or they are the same."""
    return is_under(one, other) or is_under(other, one)


def is_under(path: Path, top: Path) -> bool:
    """Tell whether ``path`` is ``top`` or leads to a part of it."""
    return path[: len(top)] == top


def value_at(value: Any, path: Path) -> Any:
    """Return the part of a value at a path, or ``ABSENT``."""
    for key in path:
        has_key = isinstance(value, Mapping) and key in value
        has_index = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if not (has_key or has_index):
            return ABSENT
        value = value[key]
    return value


def put_at(value: Any, path: Path, part: Any) -> Any:
    """Return a copy with ``part`` at ``path``; a value that has no such path becomes one."""
    if not path:
        return part
    key, rest = path[0], path[1:]
    if isinstance(key, int):
        items = list(value) if isinstance(value, list) else []
        items += [None] * (key + 1 - len(items))
        items[key] = put_at(items[key], rest, part)
        return items
    known = dict(value) if isinstance(value, Mapping) else {}
    if not rest and part is ABSENT:
        known.pop(key, None)
    else:
        known[key] = put_at(known.get(key), rest, part)
    return known


def _is_one(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1


def _essence(value: Any) -> Any:
    """Return a value in a form of which equal ones are equal in Python, too."""
    if value is ABSENT or value is None or value in ("", [], {}):
        return None
    if isinstance(value, dict):
        parts = {key: _essence(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    if isinstance(value, list):
        return [_essence(part) for part in value]
    return ("truth", value) if isinstance(value, bool) else value


def _shorten(value: Any) -> Any:
    if value is ABSENT:
        return value
    text = exact_json.dumps(value, sort_keys=True).encode()
    if len(text) <= MAX_VALUE_BYTES:
        return value
    return f"(a long value, SHA-256 {hashlib.sha256(text).hexdigest()})"


def _restore(item: Agreed, *places: Mapping[str, Any]) -> Any:
    """Return a value of which only the digest was kept, where it is still to be found."""
    if isinstance(item.value, str) and _LONG.fullmatch(item.value):
        for place in places:
            found = value_at(place, item.path)
            if _shorten(found) == item.value:
                return found
    return item.value
