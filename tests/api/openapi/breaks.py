"""What a client of one document can no longer rely on in another one.

Knows the difference between what is sent and what is answered: a request may lose a demand and an
answer may gain a member, never the other way round. New paths, parameters, members of answers and
values of their enumerations break nobody who follows ``docs/api.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")
MAX_DEPTH = 8


def find_breaks(old: Node, new: Node) -> list[str]:
    """Return a sentence for each break, in the order of the old document."""
    return list(dict.fromkeys(_Comparison(old, new).run()))


class _Comparison:
    def __init__(self, old: Node, new: Node) -> None:
        self._old, self._new = old, new

    def run(self) -> Iterator[str]:
        for path, item in self._old["paths"].items():
            for method in METHODS:
                if method in item:
                    name = f"{method.upper()} {path}"
                    found = self._new["paths"].get(path, {}).get(method)
                    if found is None:
                        yield f"{name}: is gone"
                    else:
                        yield from self._operation(name, path, item[method], found)

    def _operation(self, name: str, path: str, old: Node, new: Node) -> Iterator[str]:
        before = self._parameters(self._old, path, old)
        after = self._parameters(self._new, path, new)
        for key, parameter in before.items():
            if key not in after:
                yield f"{name}: takes no {key[1]} any more"
            else:
                place = f"{name}: parameter {key[1]}"
                known, taken = parameter["schema"], after[key]["schema"]
                if key[0] == "query" and "array" not in _type_names(known):
                    taken = taken.get("items", taken)  # one of several is sent as a single one was
                yield from self._sent(place, known, taken, 0)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: demands {key[1]}"
        yield from self._bodies(name, old, new)

    def _bodies(self, name: str, old: Node, new: Node) -> Iterator[str]:
        sent, now = _schema(old.get("requestBody", {})), _schema(new.get("requestBody", {}))
        if sent is not None and now is not None:
            yield from self._sent(f"{name}: body", sent, now, 0)
        for status, answer in old["responses"].items():
            if status[0] != "2":
                continue
            if status not in new["responses"]:
                yield f"{name}: answers {status} no more"
                continue
            shown, shows = _schema(answer), _schema(new["responses"][status])
            if shown is not None and shows is None:
                yield f"{name}: answers {status} without a body"
            if shown is not None and shows is not None:
                yield from self._shown(f"{name}: answer", shown, shows, 0)

    def _parameters(
        self, document: Node, path: str, operation: Node
    ) -> dict[tuple[str, str], Node]:
        found = [*document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        return {(one["in"], one["name"]): one for one in found}

    def _sent(self, place: str, old: Node, new: Node, depth: int) -> Iterator[str]:
        """Compare what a client sends: all that it could send must still be taken."""
        old, new = _resolve(self._old, old), _resolve(self._new, new)
        yield from _types(place, new, old)
        known = {str(value) for value in old.get("enum", ())}
        for value in sorted(known - {str(value) for value in new.get("enum", known)}):
            yield f"{place}: takes no {value} any more"
        yield from self._members(place, old, new, depth, self._sent)
        before = set(old.get("required", ()))
        for member in sorted(set(new.get("required", ())) - before):
            yield f"{place}.{member}: is demanded"

    def _shown(self, place: str, old: Node, new: Node, depth: int) -> Iterator[str]:
        """Compare what a client is shown: all that it was shown must still be there."""
        old, new = _resolve(self._old, old), _resolve(self._new, new)
        yield from _types(place, old, new)
        yield from self._members(place, old, new, depth, self._shown)
        kept = set(new.get("required", ()))
        for member in sorted(set(old.get("required", ())) - kept):
            if member in new.get("properties", {}):
                yield f"{place}.{member}: may be left out"

    def _members(self, place: str, old: Node, new: Node, depth: int, compare: Any) -> Iterator[str]:
        if depth == MAX_DEPTH:
            return
        for member, part in old.get("properties", {}).items():
            if member in new.get("properties", {}):
                yield from compare(f"{place}.{member}", part, new["properties"][member], depth + 1)
            elif "properties" in new:
                yield f"{place}.{member}: is gone"
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from compare(f"{place}[]", old["items"], new["items"], depth + 1)


def _types(place: str, wide: Node, narrow: Node) -> Iterator[str]:
    """Say so when a value of ``narrow`` may be of a type that ``wide`` has not."""
    known, given = _type_names(wide), _type_names(narrow)
    if known and given and not given <= known | ({"integer"} if "number" in known else set()):
        yield f"{place}: is {' or '.join(sorted(given))} beside {' or '.join(sorted(known))}"


def _type_names(schema: Node) -> set[str]:
    found = schema.get("type", [])
    names = {found} if isinstance(found, str) else set(found)
    return names | {name for part in schema.get("anyOf", ()) for name in _type_names(part)}


def _schema(place: Node) -> Node | None:
    schema: Node | None = place.get("content", {}).get("application/json", {}).get("schema")
    return schema


def _resolve(document: Node, schema: Node) -> Node:
    """Return a schema without references; of a union with null what is not null."""
    while True:
        if "$ref" in schema:
            target = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            schema = {**target, **{key: part for key, part in schema.items() if key != "$ref"}}
        elif len(schema.get("allOf", ())) == 1:
            schema = {**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}
        else:
            break
    parts = schema.get("anyOf", ())
    others = [part for part in parts if part != {"type": "null"}]
    if len(others) == 1 and len(parts) == 2:
        resolved = _resolve(document, others[0])
        return {**resolved, "type": [*sorted(_type_names(resolved)), "null"]}
    return schema
