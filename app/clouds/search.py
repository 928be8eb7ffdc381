"""Ask a cloud what carries a stack's tag: the only way to find what no state knows.

One small adapter for each cloud that offers a search; a cloud without one is honest about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.clouds import sandbox
from app.clouds.found import FoundResource

Search = Callable[[Mapping[str, str], str], list[FoundResource]]

SEARCHES: Mapping[str, Search] = {"sandbox": sandbox.search}


@dataclass(frozen=True)
class SearchResult:
    """What a search found; ``is_offered`` is false when the cloud has no search."""

    is_offered: bool
    resources: list[FoundResource] = field(default_factory=list)


def find_by_stack(cloud: str, credentials: Mapping[str, Any], stack_id: str) -> SearchResult:
    """Return every resource of a cloud account that is tagged ``landform:stack=<stack_id>``.

    Raises:
        CloudSearchError: the cloud could not be asked.
    """
    search = SEARCHES.get(cloud)
    if search is None:
        return SearchResult(is_offered=False)
    return SearchResult(True, search(credentials, stack_id))
