"""A resource as a cloud's search reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FoundResource:
    """``type`` is Terraform's word for it; ``attributes`` are as the cloud names them."""

    id: str
    type: str
    attributes: Mapping[str, Any]
