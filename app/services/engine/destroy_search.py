"""At the end of a destroy: is anything of the stack left in the cloud?

A state says what Terraform knew; only the cloud says what is there. So a stack is ``deleted`` when
a search by its tag finds nothing. Where something is left, or the cloud cannot be asked, the
destroy ends ``interrupted``: the stack needs attention and the operation names what is alive.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.orm import Session

from app.clouds.search import SearchResult
from app.domain.interruptions import DestroyUnverifiedError, ResourcesLeftError
from app.domain.orphans import KEPT_ON_PURPOSE
from app.domain.plain_words import counted
from app.domain.state_file import StateFile, names_in
from app.errors import CloudSearchError
from app.models import Operation
from app.services.context import Context
from app.services.engine.claims import Claim, write_fenced
from app.services.engine.recorder import Recorder
from app.services.engine.recovery.orphans import addresses_by_id
from app.services.engine.tag_search import find_of_stack

PATIENCE_SECONDS = 10.0
"""How long a cloud may not answer before that is told."""

PAUSE_SECONDS = 1.0
STILL_THERE = "is alive in the cloud after the destroy"


def require_nothing_left(
    ctx: Context, claim: Claim, recorder: Recorder, state: StateFile | None
) -> None:
    """Return when a search by the stack's tag finds nothing.

    A cloud without a search cannot be asked; the operation's log then says so.

    Args:
        ctx: the adapters.
        claim: the destroy, whose Terraform has ended well.
        recorder: of the operation.
        state: what is left in its state.

    Raises:
        ResourcesLeftError: something is alive; the operation names it.
        DestroyUnverifiedError: the cloud could not be asked.
        FenceLostError: this process must stop.
    """
    recorder.flush()
    result = _search(ctx, claim, recorder, names_in(state))
    if not result.is_offered:
        recorder.note(
            "This cloud offers no search by tag: what Terraform did not know of may still exist.",
            level="warn",
        )
        return

    def work(session: Session, operation: Operation) -> list[dict[str, Any]]:
        operation.possibly_orphaned = _left(session, operation, result)
        return operation.possibly_orphaned

    left = write_fenced(ctx, claim, work)
    if left:
        names = ", ".join(item["address"] or item["id"] for item in left[:10])
        raise ResourcesLeftError(
            "Terraform destroyed all that its state held, and the cloud still holds "
            f"{counted(len(left), 'resource')} with the stack's tag: {names}."
        )
    recorder.note("Searched the cloud by tag: nothing of this stack is left.")


def _search(ctx: Context, claim: Claim, recorder: Recorder, known: set[str]) -> SearchResult:
    """Search until nothing is found, or for as long as a cloud may lag behind."""
    began = time.monotonic()
    while True:
        recorder.poll()
        waited = time.monotonic() - began
        try:
            result = find_of_stack(ctx, claim.stack_id, known)
        except CloudSearchError as error:
            if recorder.is_force_requested or waited >= PATIENCE_SECONDS:
                raise DestroyUnverifiedError(
                    f"Terraform destroyed all that its state held. {error.detail}"
                ) from error
        else:
            found = [item for item in result.resources if item.type not in KEPT_ON_PURPOSE]
            if not found or recorder.is_force_requested or waited >= result.lag_seconds:
                return result
        time.sleep(PAUSE_SECONDS)


def _left(session: Session, operation: Operation, result: SearchResult) -> list[dict[str, Any]]:
    addresses = addresses_by_id(session, operation.stack_id)
    return [
        {
            "address": addresses.get(item.id),
            "type": item.type,
            "id": item.id,
            "reason": STILL_THERE,
        }
        for item in result.resources
        if item.type not in KEPT_ON_PURPOSE
    ]
