"""Deletes several stacks: what nothing uses any more first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landform_client.answers import Stack
from landform_client.command import exits
from landform_client.command.progress import Followed, follow
from landform_client.comparison import title_of, users_of

if TYPE_CHECKING:
    from landform_client.client import Landform


def delete_all(
    landform: Landform, stacks: list[Stack], timeout_seconds: float, *, cascade: bool = False
) -> int:
    """Delete stacks wave by wave, each when the one before is gone; return the exit status.

    Args:
        landform: the client.
        stacks: what is deleted.
        timeout_seconds: how long to wait for each wave.
        cascade: also delete the stacks that use them.

    Raises:
        ConflictError: others use one of them, and ``cascade`` was not asked for.
    """
    left = {stack["id"]: stack for stack in stacks}
    while left:
        free = [stack for stack in left.values() if not users_of(stack) & set(left)]
        wave = free or list(left.values())
        followed = ask_to_delete(landform, wave, cascade=cascade)
        for stack in wave:
            del left[stack["id"]]
        status = follow(landform, followed, timeout_seconds)
        if status != exits.DONE:
            return status
    return exits.DONE


def ask_to_delete(landform: Landform, stacks: list[Stack], *, cascade: bool) -> list[Followed]:
    """Ask for the deletion of stacks, and return the operations."""
    asked = ((stack, landform.delete(stack, cascade=cascade)["operation"]) for stack in stacks)
    return [Followed(title_of(stack), operation) for stack, operation in asked if operation]
