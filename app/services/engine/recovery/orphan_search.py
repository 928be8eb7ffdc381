"""Find the true orphans of interrupted operations by their tag in the cloud.

Goes on for as long as an interruption keeps others from changing its stack: what people delete by
hand, or take into the state by other means, resolves itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.clock import utc_now
from app.clouds.search import SearchResult
from app.domain.operation_registry import facts_of
from app.domain.operations import OWNED, OperationStatus
from app.domain.orphans import Sighting, Traces, confirm_orphans
from app.domain.plain_words import counted
from app.domain.state_errors import StateCorruptError
from app.domain.state_file import StateFile, names_in
from app.errors import LandformError
from app.logs import get_logger
from app.models import Operation, OperationEvent, StoredPlan
from app.services.context import Context
from app.services.engine.recovery.orphans import addresses_by_id
from app.services.engine.tag_search import find_of_stack
from app.services.operations.outcomes import mark_deleted
from app.services.queue import interruptions
from app.services.queue.order import notify_freed
from app.services.secrets import open_plan
from app.services.state.record import latest_version

# A creation may still be on its way when its Terraform dies, and a cloud's search lags behind.
SETTLE = timedelta(seconds=60)
AGAIN = timedelta(seconds=15)
"""How long after a search that named orphans the cloud is asked whether they are gone."""

ANY_INTERRUPTED = select(Operation.id).where(Operation.status == OperationStatus.INTERRUPTED)

log = get_logger(__name__)


def search_orphans(ctx: Context) -> None:
    """Search for each interrupted operation that is not resolved.

    A cloud that does not answer is asked again at the next round; until then the operation shows
    what its event log told. A stack that is being changed is left for later: what is being made
    would look like an orphan.
    """
    if ctx.ask(lambda session: session.scalar(ANY_INTERRUPTED.limit(1))) is None:
        return  # what is due takes several times as long to find out
    other = aliased(Operation)
    is_changing = exists().where(
        other.stack_id == Operation.stack_id, other.status.in_(OWNED), other.has_applied
    )
    is_due = or_(
        Operation.orphans_searched_at.is_(None),
        Operation.holds_back & (Operation.orphans_searched_at < utc_now() - AGAIN),
    )
    query = select(Operation.id).where(
        Operation.status == OperationStatus.INTERRUPTED,
        is_due,
        Operation.has_unsaved_state.is_(False),
        ~is_changing,
    )
    for operation_id in ctx.ask(lambda session: session.scalars(query).all()):
        try:
            _search(ctx, operation_id)
        except LandformError as error:
            log.warning("orphan_search_failed", operation_id=operation_id, detail=error.detail)


def _search(ctx: Context, operation_id: str) -> None:
    def read(session: Session) -> tuple[str, StateFile | None, Traces]:
        operation = session.get_one(Operation, operation_id)
        state = _state(ctx, session, operation.stack_id)
        return operation.stack_id, state, _traces(ctx, session, operation, state)

    stack_id, state, traces = ctx.ask(read)
    known = names_in(state)
    result = find_of_stack(ctx, stack_id, known)
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id, with_for_update={"of": Operation})
        before = operation.possibly_orphaned
        candidates = [item for item in before if item["id"] not in known]
        found = candidates
        if result.is_offered:
            sightings = [Sighting(s.id, s.type, s.attributes) for s in result.resources]
            found = confirm_orphans(candidates, sightings, traces, result.types)
        # What an earlier search has seen and this one does not is gone.
        is_first = operation.orphans_searched_at is None
        unseen = _unseen(candidates, found) if is_first else []
        if unseen and operation.ended_at and utc_now() - operation.ended_at < SETTLE:
            operation.possibly_orphaned = [*found, *unseen]
            return  # the next round looks again
        is_news = is_first or found != before
        operation.possibly_orphaned, operation.orphans_searched_at = found, utc_now()
        if is_news:
            session.add(_event(operation, result))
        if operation.holds_back and not found:
            _conclude(session, operation, state, result)


def _conclude(
    session: Session, operation: Operation, state: StateFile | None, result: SearchResult
) -> None:
    """Nothing is left without a record: let the stack go on, or end what the destroy began."""
    is_gone = state is None or state.is_empty
    if facts_of(operation.type).destroys and is_gone and result.is_offered:
        mark_deleted(session, operation.stack, operation)
    else:
        interruptions.release(session, operation, "nothing of it is left without a record")
    notify_freed(session, operation.stack_id)


def _unseen(
    candidates: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the candidates that the search did not find."""
    seen = {item["address"] for item in found}
    return [item for item in candidates if item["address"] not in seen]


def _traces(
    ctx: Context, session: Session, operation: Operation, state: StateFile | None
) -> Traces:
    """Return what else tells under which address something was made."""
    row = session.get(StoredPlan, operation.id)
    changes: list[dict[str, Any]] = []
    if row is not None:
        changes = open_plan(ctx.keys, row)["changes"]
    recorded = state.identifiers() if state is not None else {}
    return Traces(
        planned={item["address"]: item["after"] or {} for item in changes},
        creations={
            item["address"]: item["type"]
            for item in changes
            if "create" in item["actions"] and item["address"] not in recorded
        },
        addresses=addresses_by_id(session, operation.stack_id),
    )


def _state(ctx: Context, session: Session, stack_id: str) -> StateFile | None:
    """Return the state of record.

    Raises:
        StateError, VolumeError, StateBucketError: it is damaged, gone, or cannot be read now.
    """
    store = ctx.store_of(session, stack_id)
    stored = store.current(stack_id)
    if stored is None:
        if latest_version(session, stack_id) is not None:
            raise StateCorruptError(f"The state of stack {stack_id} is gone from its place.")
        return None
    return StateFile.parse(store.read(stack_id, stored.serial, stored.sha256))


def _event(operation: Operation, result: SearchResult) -> OperationEvent:
    count = len(operation.possibly_orphaned)
    if not result.is_offered:
        message = "This cloud offers no search by tag; look for the possible orphans by hand."
    elif count:
        message = f"The cloud has {counted(count, 'resource')} of this stack in no state."
    else:
        message = "Searched the cloud by tag: nothing of this stack is without a record."
    return OperationEvent(
        operation_id=operation.id, at=utc_now(), type="recovery", level="warn", message=message
    )
