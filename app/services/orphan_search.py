"""Find the true orphans of interrupted operations by their tag in the cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.clouds.search import SearchResult, find_by_stack
from app.domain.operations import OperationStatus
from app.domain.orphans import Sighting, confirm_orphans
from app.domain.state_file import StateFile
from app.errors import LandformError
from app.logs import get_logger
from app.models import Operation, OperationEvent, OperationPlan
from app.services.context import Context
from app.services.secrets import open_credentials

log = get_logger(__name__)


def search_orphans(ctx: Context) -> None:
    """Search for each interrupted operation whose orphans were not confirmed yet.

    A cloud that does not answer is asked again at the next round; until then the operation shows
    what its event log told.
    """
    with ctx.read() as session:
        waiting = session.scalars(
            select(Operation.id).where(
                Operation.status == OperationStatus.INTERRUPTED,
                Operation.orphans_searched_at.is_(None),
                Operation.has_unsaved_state.is_(False),
            )
        ).all()
    for operation_id in waiting:
        try:
            _search(ctx, operation_id)
        except LandformError as error:
            log.warning("orphan_search_failed", operation_id=operation_id, detail=error.detail)


def _search(ctx: Context, operation_id: str) -> None:
    with ctx.read() as session:
        stack = session.get_one(Operation, operation_id).stack
        credentials = open_credentials(ctx.keys, stack.cloud_account)
        planned = _planned(ctx, session, operation_id)
    result = find_by_stack(stack.cloud, credentials, stack.id)
    known = _known_ids(ctx, stack.id)
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id)
        operation.orphans_searched_at = utc_now()
        if result.is_offered:
            sightings = [Sighting(s.id, s.type, s.attributes) for s in result.resources]
            operation.possibly_orphaned = confirm_orphans(
                operation.possibly_orphaned, sightings, known, planned
            )
        session.add(_event(operation, result))


def _planned(ctx: Context, session: Session, operation_id: str) -> dict[str, Mapping[str, Any]]:
    row = session.get(OperationPlan, operation_id)
    if row is None:
        return {}
    plan = json.loads(ctx.keys.decrypt(row.sealed_changes, f"plan:{operation_id}"))
    return {item["address"]: item["after"] or {} for item in plan["changes"]}


def _known_ids(ctx: Context, stack_id: str) -> set[str]:
    store = ctx.state_store()
    stored = store.current(stack_id)
    if stored is None:
        return set()
    state = StateFile.parse(store.read(stack_id, stored.serial, stored.sha256))
    return {identifier for identifier in state.identifiers().values() if identifier}


def _event(operation: Operation, result: SearchResult) -> OperationEvent:
    count = len(operation.possibly_orphaned)
    if not result.is_offered:
        message = "This cloud offers no search by tag; look for the possible orphans by hand."
    elif count:
        message = f"The cloud has {count} resources of this stack that no state holds."
    else:
        message = "Searched the cloud by tag: nothing of this stack is without a record."
    return OperationEvent(
        operation_id=operation.id, at=utc_now(), type="recovery", level="warn", message=message
    )
