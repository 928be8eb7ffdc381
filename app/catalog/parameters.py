"""The parameters of a kind: validated, completed, compared, and parted from their secrets.

Owns everything that the JSON Schema of a blueprint says about values. It knows nothing of clouds
or Terraform.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from app.catalog.generated_secrets import make_secret
from app.catalog.json_limits import find_limit_faults
from app.catalog.json_schema import find_faults
from app.errors import FieldProblem, ValidationError

MASK = "********"
MAX_IN_DETAIL = 3
PRIVATE_KEYWORDS = frozenset({"x-variable"})
Path = tuple[str | int, ...]
NamePath = tuple[str, ...]
Values = Mapping[str, Any]


class ParameterSchema:
    """The ``parameters`` section of a blueprint."""

    def __init__(self, properties: Mapping[str, Any], required: list[str]) -> None:
        schema = {"type": "object", "properties": properties, "required": required}
        self._schema: dict[str, Any] = close_schema(copy.deepcopy(schema))

    @property
    def properties(self) -> Mapping[str, Any]:
        """The schema of each parameter, as the blueprint's author wrote it."""
        properties: Mapping[str, Any] = self._schema["properties"]
        return properties

    def publish(self) -> dict[str, Any]:
        """Return a new, plain draft 2020-12 schema that clients may see."""
        return _publish(self._schema)

    def validate(self, parameters: object, *, pointer_prefix: str) -> dict[str, Any]:
        """Return ``parameters`` with every default filled in.

        Raises:
            ValidationError: has one problem for each bad place.
        """
        limits = find_limit_faults(parameters)
        messages: dict[Path, str] = {}
        if not any(fault.is_fatal for fault in limits):
            messages |= find_faults(self._schema, parameters)
            messages |= dict.fromkeys(self._masked_paths(parameters), _MASK_SENT)
        messages |= {fault.path: fault.message for fault in limits}
        raise_problems(messages, pointer_prefix)
        completed: dict[str, Any] = _complete(self._schema, parameters)
        return completed

    def complete(self, parameters: Values) -> dict[str, Any]:
        """Return a copy of valid ``parameters`` with every default filled in."""
        completed: dict[str, Any] = _complete(self._schema, dict(parameters))
        return completed

    def generate(self, parameters: Values) -> dict[str, Any]:
        """Return a copy in which each secret that Landform makes itself has a value."""
        made = {
            name: make_secret(schema["x-generate"])
            for name, schema in self.properties.items()
            if "x-generate" in schema and parameters.get(name) is None
        }
        return {**parameters, **made}

    def immutable_changes(self, old: Values, new: Values) -> list[NamePath]:
        """Return the path of each immutable value that differs, defaults counted as given."""
        before, after = self.complete(old), self.complete(new)
        paths = _flagged(self._schema, "immutable")
        return [path for path in paths if _lookup(before, path) != _lookup(after, path)]

    def split_sensitive(self, parameters: Values) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part ``parameters`` into what may be shown and what must be encrypted."""
        public: dict[str, Any] = copy.deepcopy(dict(parameters))
        secret: dict[str, Any] = {}
        for path in _flagged(self._schema, "sensitive"):
            holder = _lookup(public, path[:-1])
            if isinstance(holder, dict) and path[-1] in holder:
                _store(secret, path, holder.pop(path[-1]))
        return public, secret

    def mask(self, parameters: Values) -> dict[str, Any]:
        """Return a copy in which each sensitive value that is set reads ``********``."""
        masked: dict[str, Any] = copy.deepcopy(dict(parameters))
        for path in _flagged(self._schema, "sensitive"):
            if _lookup(masked, path) is not None:
                _store(masked, path, MASK)
        return masked

    def _masked_paths(self, parameters: object) -> list[NamePath]:
        paths = _flagged(self._schema, "sensitive")
        return [path for path in paths if _lookup(parameters, path) == MASK]


_MASK_SENT = f"is the mask {MASK}, not a value; leave the field out to keep the present value"


def merge_sensitive(public: Values, secret: Values) -> dict[str, Any]:
    """Put together again what ``split_sensitive`` parted."""
    merged = copy.deepcopy(dict(public))
    for name, value in secret.items():
        if isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge_sensitive(merged[name], value)
        else:
            merged[name] = copy.deepcopy(value)
    return merged


def to_pointer(path: Path) -> str:
    """Write ``path`` as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def raise_problems(messages: Mapping[Path, str], pointer_prefix: str) -> None:
    """Raise one ``ValidationError`` with all ``messages``, if there are any.

    Each message is the end of a sentence that begins with the field: "must be text".
    """
    if not messages:
        return
    found = sorted((pointer_prefix + to_pointer(path), text) for path, text in messages.items())
    words = [f"{pointer} {text}" for pointer, text in found]
    more = f"; and {len(words) - MAX_IN_DETAIL} more" if len(words) > MAX_IN_DETAIL else ""
    problems = tuple(
        FieldProblem(pointer, f"{text[:1].upper()}{text[1:]}.") for pointer, text in found
    )
    raise ValidationError("; ".join(words[:MAX_IN_DETAIL]) + more + ".", problems=problems)


def close_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Refuse unknown fields in every object that lists its fields. Changes ``schema``."""
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    for child in _children(schema):
        close_schema(child)
    return schema


def _children(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from schema.get("properties", {}).values()
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]


def _publish(schema: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == "properties":
            result[keyword] = {name: _publish(child) for name, child in value.items()}
        elif keyword in ("items", "additionalProperties") and isinstance(value, dict):
            result[keyword] = _publish(value)
        elif keyword == "x-references":
            result[keyword] = {"kind": value["kind"]}
        elif keyword in ("immutable", "sensitive"):
            result[f"x-{keyword}"] = value
        elif keyword == "x-generate":
            result["x-generated"] = True
        elif keyword not in PRIVATE_KEYWORDS:
            result[keyword] = copy.deepcopy(value)
    if schema.get("sensitive"):
        result["writeOnly"] = True
    return result


def _complete(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        given = {**_defaults(properties), **value}
        other = schema.get("additionalProperties") or {}
        return {name: _complete(properties.get(name, other), item) for name, item in given.items()}
    if isinstance(value, list):
        return [_complete(schema.get("items", {}), item) for item in value]
    if isinstance(value, float) and "integer" in (schema.get("type") or ()):
        return int(value)  # 3.0 is an integer to JSON Schema, but not to everybody who reads it
    return value


def _defaults(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: copy.deepcopy(schema["default"])
        for name, schema in properties.items()
        if "default" in schema
    }


def _flagged(schema: Mapping[str, Any], keyword: str, path: NamePath = ()) -> list[NamePath]:
    """Return the paths of the parameters that carry ``keyword``, outermost first."""
    if schema.get(keyword):
        return [path]
    found: list[NamePath] = []
    for name, child in schema.get("properties", {}).items():
        found += _flagged(child, keyword, (*path, name))
    return found


def _lookup(value: Any, path: NamePath) -> Any:
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _store(target: dict[str, Any], path: NamePath, value: Any) -> None:
    for part in path[:-1]:
        target = target.setdefault(part, {})
    target[path[-1]] = value
