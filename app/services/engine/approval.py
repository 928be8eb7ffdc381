"""Whether a plan that has something to do waits, for a person or for a change window."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import AutoApply
from app.models import Operation
from app.services.projects.approval_rules import needs_another_person
from app.services.projects.change_control import must_wait
from app.services.queue.order import lock_of
from app.terraform.plan import Plan


def must_wait_for_approval(session: Session, operation: Operation, plan: Plan) -> bool:
    """Tell whether a plan waits: for a person, or approved by its rule for a change window."""
    rule = AutoApply(operation.stack.auto_apply)
    # Whoever locked the stack while it was planned wants a person to look first.
    is_locked = lock_of(session, operation.stack_id) is not None
    needs_person = operation.requires_approval or needs_another_person(operation)
    if is_locked or needs_person or not rule.allows(plan.summary):
        return True
    if must_wait(session, operation) is None:
        return False
    operation.approved_at, operation.approved_by = utc_now(), f"auto_apply: {rule.value}"
    return True
