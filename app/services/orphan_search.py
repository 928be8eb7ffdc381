"""Find the true orphans of interrupted operations by their tag in the cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from app.clock import utc_now
from app.clouds.search import SearchResult, find_by_stack
from app.domain.operations import OWNED, OperationStatus
from app.domain.orphans import Sighting, confirm_orphans
from app.domain.state_file import known_names
from app.errors import LandformError
from app.logs import get_logger
from app.models import Operation, OperationEvent, OperationPlan
from app.services.context import Context
from app.services.secrets import open_credentials

# A creation may still be on its way when its Terraform dies, and a cloud's search lags behind.
SETTLE = timedelta(seconds=60)

log = get_logger(__name__)


def search_orphans(ctx: Context) -> None:
    """Search for each interrupted operation whose orphans were not confirmed yet.

    A cloud that does not answer is asked again at the next round; until then the operation shows
    what its event log told. A stack that is being changed is left for later: what is being made
    would look like an orphan.
    """
    other = aliased(Operation)
    is_changing = exists().where(
        other.stack_id == Operation.stack_id, other.status.in_(OWNED), other.has_applied
    )
    with ctx.read() as session:
        waiting = session.scalars(
            select(Operation.id).where(
                Operation.status == OperationStatus.INTERRUPTED,
                Operation.orphans_searched_at.is_(None),
                Operation.has_unsaved_state.is_(False),
                ~is_changing,
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
        region = ctx.catalog.cloud(stack.cloud).region(stack.region).provider_name
    known = _known_ids(ctx, stack.id)
    result = find_by_stack(stack.cloud, credentials, region, stack.id, known)
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id)
        unseen = _confirm(operation, result, known, planned) if result.is_offered else []
        if unseen and operation.ended_at and utc_now() - operation.ended_at < SETTLE:
            operation.possibly_orphaned = [*operation.possibly_orphaned, *unseen]
            return  # the next round looks again
        operation.orphans_searched_at = utc_now()
        session.add(_event(operation, result))


def _confirm(
    operation: Operation,
    result: SearchResult,
    known: set[str],
    planned: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Keep what the search found, and return the candidates that it did not find."""
    candidates = operation.possibly_orphaned
    sightings = [Sighting(s.id, s.type, s.attributes) for s in result.resources]
    operation.possibly_orphaned = confirm_orphans(
        candidates, sightings, known, planned, result.types
    )
    seen = {item["address"] for item in operation.possibly_orphaned}
    return [item for item in candidates if item["address"] not in seen]


def _planned(ctx: Context, session: Session, operation_id: str) -> dict[str, Mapping[str, Any]]:
    row = session.get(OperationPlan, operation_id)
    if row is None:
        return {}
    plan = json.loads(ctx.keys.decrypt(row.sealed_changes, f"plan:{operation_id}"))
    return {item["address"]: item["after"] or {} for item in plan["changes"]}


def _known_ids(ctx: Context, stack_id: str) -> set[str]:
    store = ctx.state_store(stack_id)
    stored = store.current(stack_id)
    if stored is None:
        return set()
    return known_names(store.read(stack_id, stored.serial, stored.sha256))


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
