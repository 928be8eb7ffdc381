"""What is different between two versions of a blueprint, and what of it breaks somebody.

Breaking is what may refuse a request, a stored parameter or an upgrade that was good before, take
away what others read, or make Terraform destroy a resource. Owns these rules (semver.org 2.0.0 §8:
such a version raises its first number); it compares what the catalog has loaded and reads no files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from app import exact_json
from app.catalog.blueprint import KindBlueprint
from app.domain.versions import Version

LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
UNJUDGED = ("pattern", "format", "const", "multipleOf", "uniqueItems", "anyOf", "oneOf")
"""Keywords of which nobody can tell whether other values pass."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One difference: ``place`` is a path such as ``parameters.cidr``, ``what`` a sentence."""

    place: str
    what: str
    is_breaking: bool

    def line(self) -> str:
        """Return it as one line of text."""
        return f"{'BREAKING' if self.is_breaking else 'also    '}  {self.place}: {self.what}"


def find_differences(old: KindBlueprint, new: KindBlueprint) -> list[Difference]:
    """Return how ``new`` differs from ``old`` for clients and stacks, what breaks them first."""
    found = chain(
        _fields(old.parameters, new.parameters, "parameters"),
        _outputs(old, new),
        _references(old, new),
        _clouds(old, new),
    )
    return sorted(found, key=lambda item: (not item.is_breaking, item.place))


def is_number_high_enough(old: KindBlueprint, new: KindBlueprint) -> bool:
    """Tell whether the version of ``new`` says what its differences to ``old`` mean."""
    if not any(item.is_breaking for item in find_differences(old, new)):
        return Version(old.version) < Version(new.version)
    return _first_number(old.version) < _first_number(new.version)


def _first_number(version: str) -> int:
    return int(version.partition(".")[0])


def _fields(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    """Compare the fields of an object."""
    before, after = old.get("properties", {}), new.get("properties", {})
    was_needed, is_needed = old.get("required", ()), new.get("required", ())
    for name in before.keys() - after.keys():
        yield Difference(f"{place}.{name}", "is gone", is_breaking=True)
    for name, schema in after.items():
        must_be_given = name in is_needed and "default" not in schema
        if name not in before:
            word = "must be given" if must_be_given else "may be left out"
            yield Difference(f"{place}.{name}", f"is new and {word}", must_be_given)
            continue
        if must_be_given and name not in was_needed:
            yield Difference(f"{place}.{name}", "must be given now", is_breaking=True)
        yield from _values(before[name], schema, f"{place}.{name}")


def _values(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    """Compare which values two schemas take, at every depth."""
    lost_types = _types(old) - _types(new)
    if lost_types:
        yield Difference(place, f"takes no {' or '.join(sorted(lost_types))} any more", True)
    yield from _words(old, new, place)
    yield from _bounds(old, new, place)
    for keyword in UNJUDGED:
        if old.get(keyword) != new.get(keyword):
            is_dropped = keyword not in new
            what = f"{keyword} is {'gone' if is_dropped else 'another'}"
            yield Difference(place, what, not is_dropped)
    yield from _flags(old, new, place)
    if old.get("default") != new.get("default"):
        yield Difference(place, f"the default is {_shown(new.get('default'))} now", False)
    yield from _fields(old, new, place)
    for keyword, name in (("items", "[]"), ("additionalProperties", "*")):
        inner = old.get(keyword), new.get(keyword)
        if isinstance(inner[0], Mapping) and isinstance(inner[1], Mapping):
            yield from _values(inner[0], inner[1], f"{place}.{name}")


def _words(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield Difference(place, "takes only some values now", is_breaking=True)
        return
    lost = [word for word in old["enum"] if word not in new["enum"]]
    gained = [word for word in new["enum"] if word not in old["enum"]]
    if lost:
        yield Difference(place, f"takes no longer {_listed(lost)}", is_breaking=True)
    if gained:
        yield Difference(place, f"takes {_listed(gained)} as well", is_breaking=False)


def _bounds(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    for keyword in (*LOWER_BOUNDS, *UPPER_BOUNDS):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if after is None:
            yield Difference(place, f"has no {keyword} any more", is_breaking=False)
            continue
        is_higher = before is None or after > before
        is_narrower = before is None or is_higher == (keyword in LOWER_BOUNDS)
        was = "none" if before is None else before
        yield Difference(place, f"{keyword} is {after}, was {was}", is_narrower)


def _flags(old: Schema, new: Schema, place: str) -> Iterator[Difference]:
    for keyword, gained, lost in (
        ("x-immutable", "cannot be changed any more", "can be changed now"),
        ("x-sensitive", "is never shown any more", "is shown now"),
    ):
        was, is_now = old.get(keyword, False), new.get(keyword, False)
        if was != is_now:
            is_breaking = bool(is_now) or keyword == "x-sensitive"
            yield Difference(place, gained if is_now else lost, is_breaking)


def _outputs(old: KindBlueprint, new: KindBlueprint) -> Iterator[Difference]:
    for name in old.outputs.keys() - new.outputs.keys():
        yield Difference(f"outputs.{name}", "is gone", is_breaking=True)
    for name, spec in new.outputs.items():
        before, place = old.outputs.get(name), f"outputs.{name}"
        if before is None:
            yield Difference(place, "is new", is_breaking=False)
            continue
        if before.schema != spec.schema and before.type != spec.type:
            yield Difference(place, f"is of type {spec.type}, was {before.type}", is_breaking=True)
        if before.sensitive != spec.sensitive:
            word = "sensitive" if spec.sensitive else "no longer sensitive"
            yield Difference(place, f"is {word}", is_breaking=True)


def _references(old: KindBlueprint, new: KindBlueprint) -> Iterator[Difference]:
    for name in old.references.keys() & new.references.keys():
        before, after = old.references[name], new.references[name]
        place = f"parameters.{name}"
        if before.kind != after.kind:
            yield Difference(place, f"names a {after.kind}, was a {before.kind}", is_breaking=True)
        for need in after.requires:
            if need not in before.requires and need.cloud in old.clouds:
                what = f"on {need.cloud} a {need.kind} is refused that {need.message}"
                yield Difference(place, what, is_breaking=True)


def _clouds(old: KindBlueprint, new: KindBlueprint) -> Iterator[Difference]:
    for cloud in old.modules.keys() - new.modules.keys():
        yield Difference(f"clouds.{cloud}", "is not offered any more", is_breaking=True)
    for cloud in new.modules.keys() - old.modules.keys():
        yield Difference(f"clouds.{cloud}", "is new", is_breaking=False)
    for cloud in old.modules.keys() & new.modules.keys():
        before, after = old.offers.get(cloud, {}), new.offers.get(cloud, {})
        for name, limit in after.items():
            # What the cloud did not limit before was limited by the kind alone.
            known = before.get(name) or old.schema.properties.get(name)
            if known is not None:
                narrower = _values(known, {**known, **limit}, f"clouds.{cloud}.{name}")
                yield from (item for item in narrower if item.is_breaking)


def _types(schema: Schema) -> set[str]:
    types = schema.get("type", ())
    names = {types} if isinstance(types, str) else {*types}
    return names | {"integer"} if "number" in names else names


def _listed(words: list[Any]) -> str:
    return ", ".join(map(_shown, words))


def _shown(value: Any) -> str:
    return exact_json.dumps(value) if value is None or isinstance(value, bool) else str(value)
