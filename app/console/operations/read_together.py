"""What the page of several operations shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.console.shell.rows import OperationRow
from app.domain.operations import FINAL, OperationStatus
from app.domain.permissions import Right
from app.domain.plan_summary import PlanSummary
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.queries import operations_by_ids


@dataclass(frozen=True)
class TogetherPage:
    """Several operations; ``counts`` is how many have a status, ``plan`` what all plans count.

    ``simple_ids`` are those that the caller may approve and whose plan loses nothing.
    """

    rows: list[OperationRow]
    counts: dict[str, int]
    plan: dict[str, int]
    simple_ids: list[str]

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more happens by itself."""
        ends = FINAL | {OperationStatus.PLANNED}
        return all(row.status in ends for row in self.rows)


def read_together(ctx: Context, principal: Principal, operation_ids: Sequence[str]) -> TogetherPage:
    """Read those of the operations that the caller can see."""
    with ctx.read() as session:
        found = operations_by_ids(session, principal, operation_ids)
        rows = [OperationRow.of(item) for item in found]
        simple = [
            item.id
            for item, row in zip(found, rows, strict=True)
            if row.is_waiting_for_approval
            and principal.has(Right.OPERATION_CONTROL, item.stack.project_id)
            and not PlanSummary.from_dict(item.plan_summary or {}).needs_consent
        ]
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.plan or {})
    return TogetherPage(rows, dict(Counter(row.status for row in rows)), dict(total), simple)
