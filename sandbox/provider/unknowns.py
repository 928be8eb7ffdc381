"""Owns how values that Terraform does not know yet are recognised.

Terraform sends some with what it does know ("starts with bucket-", "is not null"): MessagePack
extension 12, which the `tf` package hands on as it came instead of as `Unknown`.
"""

from __future__ import annotations

from typing import Any

from msgpack import ExtType
from tf.types import Map, Unknown


def is_unknown(value: object) -> bool:
    """Whether a value will only be known after apply, refined or not."""
    return value is Unknown or isinstance(value, ExtType)


class RefinableMap(Map):
    """A map that may be unknown as a whole with refinements; those are handed back untouched."""

    def encode(self, value: Any) -> Any:
        return value if is_unknown(value) else super().encode(value)

    def decode(self, value: Any) -> Any:
        return value if is_unknown(value) else super().decode(value)
