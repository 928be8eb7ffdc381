"""Ask a cloud what carries a stack's tag: the only way to find what no state knows.

One small adapter for each cloud that offers a search; a cloud without one is honest about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.clouds import aws_search, sandbox
from app.clouds.found import FoundResource

Find = Callable[[Mapping[str, str], str, str], list[FoundResource]]
"""Takes credentials, the cloud's name of a region, and the id of a stack."""


@dataclass(frozen=True)
class Search:
    """How a cloud is searched; ``types`` are those that it can find, nothing for all."""

    find: Find
    types: frozenset[str] | None = None


SEARCHES: Mapping[str, Search] = {
    "aws": Search(aws_search.search, aws_search.VISIBLE_TYPES),
    "sandbox": Search(sandbox.search),
}


@dataclass(frozen=True)
class SearchResult:
    """What a search found; ``is_offered`` is false when the cloud has no search.

    ``types`` are the types that it would have found, in Terraform's words; nothing means all.
    """

    is_offered: bool
    resources: list[FoundResource] = field(default_factory=list)
    types: frozenset[str] | None = None


def rehearse() -> None:
    """Have what every search needs loaded, for processes that are forked from this one."""
    sandbox.rehearse()


def find_by_stack(
    cloud: str, credentials: Mapping[str, Any], region: str, stack_id: str
) -> SearchResult:
    """Return every resource of a cloud account that is tagged ``landform:stack=<stack_id>``.

    Args:
        cloud: its neutral name.
        credentials: of the account.
        region: what the cloud calls the region that the stack is in.
        stack_id: of the stack.

    Raises:
        CloudSearchError: the cloud could not be asked.
    """
    search = SEARCHES.get(cloud)
    if search is None:
        return SearchResult(is_offered=False)
    return SearchResult(True, search.find(credentials, region, stack_id), search.types)
