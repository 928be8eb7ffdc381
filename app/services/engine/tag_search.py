"""Find what carries a stack's tag in the cloud and is in no state: created outside Landform.

Only looks, and only where the cloud offers a search. A search that fails says nothing about the
rest of the check, so it is an answer here and no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.clouds.found import FoundResource
from app.clouds.search import find_by_stack
from app.domain.drift import TagSearch
from app.domain.state_file import known_names
from app.errors import CloudSearchError


@dataclass(frozen=True)
class Strangers:
    """What the search found beyond the state; ``reason`` says why it failed."""

    search: TagSearch
    resources: tuple[FoundResource, ...] = ()
    reason: str | None = None


def find_strangers(
    cloud: str, credentials: Mapping[str, Any], region: str, stack_id: str, state: bytes | None
) -> Strangers:
    """Return what carries the tag of the stack and is not in ``state``.

    Raises:
        StateError: ``state`` is no state.
    """
    known = known_names(state)
    try:
        result = find_by_stack(cloud, credentials, region, stack_id, known)
    except CloudSearchError as error:
        return Strangers(TagSearch.FAILED, reason=error.detail)
    if not result.is_offered:
        return Strangers(TagSearch.NOT_OFFERED)
    return Strangers(TagSearch.DONE, tuple(result.resources))
