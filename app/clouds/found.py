"""A resource as a cloud's search reports it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FoundResource:
    """``type`` is Terraform's word for it; ``attributes`` are as the cloud names them.

    ``aliases`` are other names that a state may know it by, such as an ARN.
    """

    id: str
    type: str
    attributes: Mapping[str, Any]
    aliases: tuple[str, ...] = ()

    def is_among(self, names: Set[str]) -> bool:
        """Whether one of these names is its own."""
        return not names.isdisjoint((self.id, *self.aliases))
