"""Ask a cloud what carries a stack's tag: the only way to find what no state knows.

One small adapter for each cloud that offers a search; a cloud without one is honest about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from app.clouds import aws_search, azure_search, gcp_search, sandbox
from app.clouds.found import FoundResource
from app.clouds.login import CloudLogin

Find = Callable[[CloudLogin, str, str], list[FoundResource]]
"""Takes a login, the cloud's name of a region, and the id of a stack."""

Confirm = Callable[[CloudLogin, str, list[FoundResource]], list[FoundResource]]
"""Takes a login, the cloud's name of a region, and what was found; returns what is there."""


@dataclass(frozen=True)
class Search:
    """How a cloud is searched; ``types`` are those that it can find, nothing for all.

    ``confirm`` is for a cloud that may find what is gone, ``lag_seconds`` is for how long it may do
    so where nothing confirms it.
    """

    find: Find
    types: frozenset[str] | None = None
    confirm: Confirm | None = None
    lag_seconds: float = 0.0


SEARCHES: Mapping[str, Search] = {
    "aws": Search(aws_search.search, aws_search.VISIBLE_TYPES, aws_search.keep_existing, 30.0),
    "azure": Search(azure_search.search, azure_search.VISIBLE_TYPES, lag_seconds=30.0),
    "gcp": Search(gcp_search.search, gcp_search.VISIBLE_TYPES, gcp_search.keep_existing),
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
    lag_seconds: float = 0.0


def rehearse() -> None:
    """Have what every search needs loaded, for processes that are forked from this one."""
    sandbox.rehearse()


def find_by_stack(
    cloud: str, login: CloudLogin, region: str, stack_id: str, known: Set[str]
) -> SearchResult:
    """Return what is tagged ``landform:stack=<stack_id>`` in a cloud account and not known.

    Args:
        cloud: its neutral name.
        login: of the account.
        region: what the cloud calls the region that the stack is in.
        stack_id: of the stack.
        known: names by which the state knows resources.

    Raises:
        CloudSearchError: the cloud could not be asked.
    """
    search = SEARCHES.get(cloud)
    if search is None:
        return SearchResult(is_offered=False)
    found = search.find(login, region, stack_id)
    strange = [item for item in found if not item.is_among(known)]
    if strange and search.confirm is not None:
        strange = search.confirm(login, region, strange)
    return SearchResult(True, strange, search.types, search.lag_seconds)
