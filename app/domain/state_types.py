"""Types and values of outputs as a state writes them (cty's JSON form). Pure rules.

Terraform refuses to read a whole state for one output whose type it does not know, or whose value
is not of its type.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

PRIMITIVES = ("string", "number", "bool", "dynamic")
COLLECTIONS = ("list", "set", "map")


def is_type(item: object) -> bool:
    """Whether this is a type, such as ``"string"`` or ``["list", "number"]``."""
    if isinstance(item, str):
        return item in PRIMITIVES
    if not isinstance(item, list) or len(item) not in (2, 3):
        return False
    name, inner = item[0], item[1]
    if len(item) == 3:
        names = item[2]
        is_optional = isinstance(names, list) and all(isinstance(one, str) for one in names)
        return name == "object" and is_optional and is_type(item[:2])
    if name in COLLECTIONS:
        return is_type(inner)
    if name == "tuple":
        return isinstance(inner, list) and all(map(is_type, inner))
    return name == "object" and isinstance(inner, dict) and all(map(is_type, inner.values()))


def conforms(value: Any, type_: Any) -> bool:
    """Whether a JSON value is one of a type for which ``is_type`` holds."""
    if value is None:
        return True
    if isinstance(type_, str):
        return _is_primitive(value, type_)
    name, inner = type_[0], type_[1]
    if name in ("list", "set"):
        return isinstance(value, list) and all(conforms(item, inner) for item in value)
    if name == "map":
        return isinstance(value, dict) and all(conforms(item, inner) for item in value.values())
    if name == "tuple":
        is_whole = isinstance(value, list) and len(value) == len(inner)
        return is_whole and all(map(conforms, value, inner))
    return isinstance(value, dict) and all(
        name in inner and conforms(item, inner[name]) for name, item in value.items()
    )


def _is_primitive(value: Any, type_: str) -> bool:
    if type_ == "dynamic":  # a value whose type is written beside it
        is_pair = isinstance(value, dict) and set(value) == {"value", "type"}
        return is_pair and is_type(value["type"]) and conforms(value["value"], value["type"])
    if type_ == "bool":
        return isinstance(value, bool)
    if type_ == "number":
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return isinstance(value, str)
