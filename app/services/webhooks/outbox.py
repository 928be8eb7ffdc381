"""Put down what webhooks are to be told, in the transaction of what happened.

Nothing is sent here: the sender reads the rows after the commit, so an event is told if and only
if it happened. Data in it leaves Landform: never a secret value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain import ids
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus
from app.domain.plan_summary import with_all_counts
from app.domain.webhooks import DeliveryStatus, EventType
from app.models import (
    DriftFinding,
    Operation,
    Project,
    Stack,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
)
from app.services.schedules.next_check import next_check

MAX_DETAIL = 1000


def announce(session: Session, event: EventType, stack: Stack, **data: Any) -> None:
    """Tell every webhook that listens to ``event`` in the stack's project, or in all.

    Args:
        session: the open transaction of what happened.
        event: what happened.
        stack: what it happened to, as it is now.
        data: more facts, as JSON.
    """
    _tell(session, event, stack.project_id, {"stack": describe_stack(stack), **data})


def drift_digest(session: Session, project: Project, digest: dict[str, Any]) -> None:
    """Tell how the drift of a project stands; ``digest`` is JSON with no secret value."""
    data = {"project": {"id": project.id, "name": project.name}, "digest": digest}
    _tell(session, EventType.DRIFT_DIGEST, project.id, data)


def _tell(session: Session, event: EventType, project_id: str, data: dict[str, Any]) -> None:
    listening = select(Webhook).where(
        Webhook.is_enabled,
        or_(Webhook.project_id.is_(None), Webhook.project_id == project_id),
    )
    # So that none of them is deleted before the rows that refer to it are there.
    query = listening.with_for_update(of=Webhook, read=True, key_share=True)
    wanted = [hook for hook in session.scalars(query) if event in hook.events]
    if wanted:
        row = add_event(session, event.value, data)
        for hook in wanted:
            add_delivery(session, hook.id, row)


def operation_ended(session: Session, operation: Operation) -> None:
    """Tell that an operation has ended; of a drift check only when it failed."""
    if facts_of(operation.type).checks_drift and operation.status != OperationStatus.ERRORED:
        return
    data = describe_operation(operation)
    announce(session, EventType.OPERATION_ENDED, operation.stack, operation=data)


def approval_wanted(session: Session, operation: Operation) -> None:
    """Tell that a plan awaits approval."""
    data = describe_operation(operation)
    announce(session, EventType.APPROVAL_WANTED, operation.stack, operation=data)


def drift_found(session: Session, stack: Stack, findings: Sequence[DriftFinding]) -> None:
    """Tell that a stack was changed outside."""
    announce(session, EventType.DRIFT_FOUND, stack, drift=_describe_drift(stack, findings))


def drift_changed(session: Session, stack: Stack, findings: Sequence[DriftFinding]) -> None:
    """Tell that a stack which had drifted differs in another way now."""
    announce(session, EventType.DRIFT_CHANGED, stack, drift=_describe_drift(stack, findings))


def drift_gone(session: Session, stack: Stack) -> None:
    """Tell that a stack is again as Landform left it."""
    announce(session, EventType.DRIFT_GONE, stack, drift=_describe_drift(stack, ()))


def drift_unknown(session: Session, stack: Stack) -> None:
    """Tell that a stack could not be checked for too long, and when it is tried again."""
    facts = {
        "since": rfc3339(stack.drift_since),
        "reason": stack.drift_reason,
        "next_check_at": rfc3339(next_check(stack)),
    }
    announce(session, EventType.DRIFT_UNKNOWN, stack, drift=facts)


def auto_reconcile_off(session: Session, operation: Operation, reason: str) -> None:
    """Tell that drift of a stack is no longer undone without a person, and after what."""
    announce(
        session,
        EventType.AUTO_RECONCILE_OFF,
        operation.stack,
        operation=describe_operation(operation),
        reason=reason,
    )


def needs_attention(session: Session, stack: Stack) -> None:
    """Tell that a person must look at a stack."""
    reason = (stack.status_reason or "")[:MAX_DETAIL] or None
    announce(session, EventType.NEEDS_ATTENTION, stack, reason=reason)


def expiring(session: Session, stack: Stack) -> None:
    """Tell that the life time of a stack is nearly over, and what happens then."""
    expires_at = rfc3339(stack.expires_at)
    data = {"expires_at": expires_at, "on_expiry": stack.on_expiry}
    announce(session, EventType.STACK_EXPIRING, stack, **data)


def add_event(session: Session, type_: str, data: dict[str, Any]) -> WebhookEvent:
    """Put an event down."""
    row = WebhookEvent(
        id=ids.new_id(ids.WEBHOOK_EVENT), type=type_, created_at=utc_now(), data=data
    )
    session.add(row)
    session.flush()
    return row


def add_delivery(
    session: Session, webhook_id: str, event: WebhookEvent, redelivery_of: str | None = None
) -> WebhookDelivery:
    """Queue an event for a webhook, behind all that is queued for it."""
    now = utc_now()
    row = WebhookDelivery(
        id=ids.new_id(ids.DELIVERY),
        webhook_id=webhook_id,
        event_id=event.id,
        event=event,
        redelivery_of=redelivery_of,
        status=DeliveryStatus.PENDING.value,
        attempts=0,
        created_at=now,
        next_attempt_at=now,
    )
    session.add(row)
    session.flush()
    return row


def describe_stack(stack: Stack) -> dict[str, Any]:
    """Return what a webhook is told of a stack."""
    return {
        "id": stack.id,
        "name": stack.name,
        "kind": stack.kind,
        "project": {"id": stack.project.id, "name": stack.project.name},
        "cloud": stack.cloud,
        "region": stack.region,
        "status": stack.status,
        "drift": stack.drift_status,
        "link": f"/api/v1/stacks/{stack.id}",
    }


def describe_operation(operation: Operation) -> dict[str, Any]:
    """Return what a webhook is told of an operation."""
    error = operation.error
    return {
        "id": operation.id,
        "type": operation.type,
        "status": operation.status,
        "requested_by": operation.requested_by,
        "created_at": rfc3339(operation.created_at),
        "started_at": rfc3339(operation.started_at),
        "ended_at": rfc3339(operation.ended_at),
        "plan": with_all_counts(operation.plan_summary),
        "policies": [
            {name: item[name] for name in ("set", "policy", "at", "verdict", "message")}
            for item in operation.policy_results or ()
        ],
        "error": error
        and {name: error.get(name) for name in ("code", "title", "detail", "advice")},
        "link": f"/api/v1/operations/{operation.id}",
    }


def _describe_drift(stack: Stack, findings: Sequence[DriftFinding]) -> dict[str, Any]:
    report_id = stack.drift_report_id
    reports = f"/api/v1/stacks/{stack.id}/drift-reports"
    return {
        "report_id": report_id,
        "checked_at": rfc3339(stack.drift_checked_at),
        "changes": _count(finding.change for finding in findings),
        "severities": _count(finding.severity for finding in findings),
        "link": f"{reports}/{report_id}",
    }


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
