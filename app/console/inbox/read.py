"""What the inbox shows: one row for each decision, and its place among the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from app.console.shell.rows import OperationRow
from app.domain.plan_summary import PlanSummary
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.decisions import DecisionKind, OpenDecision, list_decisions


@dataclass(frozen=True)
class InboxRow:
    """A decision; ``href`` leads to where it is made.

    ``is_simple`` tells whether its plan loses nothing, so that a button in a list is enough.
    """

    kind: str
    stack_id: str
    stack_name: str
    stack_kind: str
    since: datetime
    href: str
    operation: OperationRow | None
    findings: int
    is_simple: bool

    @classmethod
    def of(cls, decision: OpenDecision) -> InboxRow:
        """Read the row of a decision."""
        operation = decision.operation
        summary = PlanSummary.from_dict((operation.plan_summary or {}) if operation else {})
        is_approval = decision.kind is DecisionKind.APPROVAL
        return cls(
            kind=decision.kind.value,
            stack_id=decision.stack_id,
            stack_name=decision.stack_name,
            stack_kind=decision.stack_kind,
            since=decision.since,
            href=_href(decision),
            operation=OperationRow.of(operation) if operation is not None else None,
            findings=decision.findings,
            is_simple=is_approval and not summary.needs_consent,
        )


def read_inbox(ctx: Context, principal: Principal) -> list[InboxRow]:
    """Read all that waits for the caller."""
    with ctx.read() as session:
        return [InboxRow.of(item) for item in list_decisions(session, principal)]


def _href(decision: OpenDecision) -> str:
    if decision.operation is not None:
        return url_for("console.show_operation", operation_id=decision.operation.id)
    return url_for("console.show_stack_drift", stack_id=decision.stack_id)
