"""Find what carries a stack's tag in the cloud and is in no state: created outside Landform.

Only looks, and only where the cloud offers a search. A search that fails says nothing about the
rest of the check, so it is an answer here and no error.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.clouds.found import FoundResource
from app.clouds.login import CloudLogin
from app.clouds.search import SearchResult, find_by_stack
from app.domain.drift import TagSearch
from app.domain.state_file import known_names
from app.errors import CloudSearchError
from app.models import Stack
from app.services.cloud_accounts.credentials import sign_in
from app.services.context import Context


@dataclass(frozen=True)
class UnmanagedResources:
    """What the search found beyond the state; ``reason`` says why it failed."""

    search: TagSearch
    resources: tuple[FoundResource, ...] = ()
    reason: str | None = None


def find_of_stack(ctx: Context, stack_id: str, known: Set[str]) -> SearchResult:
    """Return what carries the tag of a stack in its cloud, is not known and was not let go.

    Args:
        ctx: the adapters.
        stack_id: which stack.
        known: names by which its state knows resources.

    Raises:
        CloudSearchError: the cloud could not be asked.
    """

    def read(session: Session) -> tuple[Stack, CloudLogin]:
        stack = session.get_one(Stack, stack_id)
        return stack, sign_in(ctx, stack.cloud_account)

    stack, login = ctx.ask(read)
    name = ctx.catalog.cloud(stack.cloud).region(stack.region).provider_name
    return find_by_stack(stack.cloud, login, name, stack_id, known | stack.let_go_names)


def find_unmanaged(
    cloud: str,
    login: CloudLogin,
    region: str,
    stack_id: str,
    state: bytes | None,
    let_go: Set[str],
) -> UnmanagedResources:
    """Return what carries the tag of the stack, is not in ``state`` and was not let go of.

    Raises:
        StateError: ``state`` is no state.
    """
    known = known_names(state) | let_go
    try:
        result = find_by_stack(cloud, login, region, stack_id, known)
    except CloudSearchError as error:
        return UnmanagedResources(TagSearch.FAILED, reason=error.detail)
    if not result.is_offered:
        return UnmanagedResources(TagSearch.NOT_OFFERED)
    return UnmanagedResources(TagSearch.DONE, tuple(result.resources))
