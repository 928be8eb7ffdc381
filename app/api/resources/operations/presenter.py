"""Turn operations and their events into the values that the API answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.api.http.blueprint import PREFIX
from app.clock import rfc3339
from app.domain.operations import EventLevel, OperationStatus, can_cancel
from app.domain.plan_summary import with_all_counts
from app.models import Operation, OperationEvent
from app.plain_text import cut
from app.services.queue.waits import waiting_for, waits_of

LEVELS = frozenset(EventLevel)
MAX_SUMMARY_BYTES = 500


def present_operation(session: Session, row: Operation) -> dict[str, Any]:
    """Return an operation with its steps and the reason why it waits, if it does."""
    return _operation(row, waiting_for(session, row))


def operation_presenter(session: Session, rows: Sequence[Operation]) -> Callable[[Operation], Any]:
    """Return what presents each of ``rows``, having asked for all their waits at once."""
    waits = waits_of(session, rows)

    def item(row: Operation) -> dict[str, Any]:
        return {**_operation(row, waits.get(row.id)), "error": _brief(row.error)}

    return item


def present_event(row: OperationEvent) -> dict[str, Any]:
    """Return one event of an operation."""
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "type": row.type,
        "level": row.level if row.level in LEVELS else EventLevel.INFO.value,
        "message": row.message,
        "data": row.data,
    }


def _brief(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an error as lists show it: its summary, without what is known of its parts."""
    if error is None:
        return None
    detail = error["detail"]
    summary = cut(detail.partition("\n")[0], MAX_SUMMARY_BYTES)
    is_cut = bool(error.get("is_cut")) or summary != detail
    named = {name: error.get(name) for name in ("code", "title", "advice")}
    return {**named, "detail": summary, "is_cut": is_cut}


def _operation(row: Operation, waits: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "status": row.status,
        "stack_id": row.stack_id,
        "requested_by": row.requested_by,
        "created_at": rfc3339(row.created_at),
        "started_at": rfc3339(row.started_at),
        "ended_at": rfc3339(row.ended_at),
        "transitions": row.transitions,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "started_at": rfc3339(step.started_at),
                "ended_at": rfc3339(step.ended_at),
                "detail": step.detail,
            }
            for step in row.steps
        ],
        "blueprint_version": row.blueprint_version,
        "plan": with_all_counts(row.plan_summary),
        "policies": row.policy_results or [],
        "cost": row.cost,
        "waiting_for": waits,
        "approved_by": row.approved_by,
        "cancel_requested_by": row.cancel_requested_by,
        "error": row.error and {"is_cut": False, **row.error},
        "possibly_orphaned": row.possibly_orphaned,
        "unresolved": row.holds_back,
        "resolution": row.resolution and {"is_forced": False, "reason": None, **row.resolution},
        "links": _operation_links(row),
    }


def _operation_links(row: Operation) -> dict[str, str]:
    base = f"{PREFIX}/operations/{row.id}"
    links = {
        "self": base,
        "stack": f"{PREFIX}/stacks/{row.stack_id}",
        "events": f"{base}/events",
        "log": f"{base}/log",
        "page": f"/operations/{row.id}",
    }
    if row.plan_summary is not None:
        links["plan"] = f"{base}/plan"
    status = OperationStatus(row.status)
    if status is OperationStatus.PLANNED and row.approved_at is None:
        links |= {"approve": f"{base}/approve", "discard": f"{base}/discard"}
    if status is OperationStatus.INTERRUPTED and row.resolution is None:
        links["resolve"] = f"{base}/resolve"
    if can_cancel(status):
        links["cancel"] = f"{base}/cancel"
    return links
