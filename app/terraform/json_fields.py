"""Reads of a field in JSON that Terraform printed, of the type that is expected or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def object_at(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object at ``name``, or an empty one."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def text_at(data: Mapping[str, Any], name: str) -> str | None:
    """Return the text at ``name`` unless it is empty."""
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def number_at(data: Mapping[str, Any], name: str) -> float | None:
    """Return the number at ``name`` if it is finite; true and false are no numbers."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None
