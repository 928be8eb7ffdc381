"""Whether a plan that has something to do waits, for a person or for a change window."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operation_registry import facts_of
from app.domain.operations import AutoApply
from app.models import Operation
from app.services.access import SYSTEM_PRINCIPAL
from app.services.projects.approval_rules import needs_another_person
from app.services.projects.change_control import must_wait
from app.services.queue.order import lock_of
from app.terraform.plan import Plan


def must_wait_for_approval(
    session: Session, operation: Operation, plan: Plan, holds_data: Collection[str]
) -> bool:
    """Tell whether a plan waits: for a person, or approved by its rule for a change window.

    Args:
        session: the open transaction.
        operation: the one that planned.
        plan: its plan.
        holds_data: types of resource that would be made anew empty.
    """
    rule = AutoApply(operation.stack.auto_apply)
    # Whoever locked the stack while it was planned wants a person to look first.
    is_locked = lock_of(session, operation.stack_id) is not None
    needs_person = operation.requires_approval or needs_another_person(operation)
    is_empty = _makes_empty(operation, plan, holds_data)
    if is_locked or needs_person or is_empty or not rule.allows(plan.summary):
        return True
    if must_wait(session, operation) is None:
        return False
    operation.approved_at, operation.approved_by = utc_now(), f"auto_apply: {rule.value}"
    return True


def _makes_empty(operation: Operation, plan: Plan, holds_data: Collection[str]) -> bool:
    """Tell whether a database or bucket that is gone would be made anew without anybody's wish.

    A person who asks to reconcile has seen what is gone.
    """
    is_asked = operation.requested_by != SYSTEM_PRINCIPAL.name
    is_seen = is_asked and facts_of(operation.type).undoes_drift
    return not is_seen and bool(plan.made_anew(holds_data))
