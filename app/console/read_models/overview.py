"""What the overview shows: what is wrong, what waits for a person, what runs, what it stands on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.console.read_models.rows import OperationRow, StackRow
from app.domain.operations import FINAL, OWNED, OperationStatus
from app.models import Operation
from app.services.access import Principal
from app.services.context import Context
from app.services.fleet import FleetCounts, count_fleet, stacks_in_trouble
from app.services.health import Check, check_all
from app.services.operation_lists import (
    count_with_status,
    latest_by_stack,
    waiting_for_approval,
    with_status,
)

LIST_ROWS = 8
BUSY = OWNED | {OperationStatus.PENDING}


@dataclass(frozen=True)
class OverviewPage:
    """Everything on the overview."""

    fleet: FleetCounts
    in_trouble: list[StackRow]
    to_approve: list[OperationRow]
    running: list[OperationRow]
    running_count: int
    ended: list[OperationRow]
    checks: list[Check]

    @property
    def is_healthy(self) -> bool:
        """Tell whether every part that Landform stands on is there."""
        return all(check.is_ok for check in self.checks)


def read_overview(ctx: Context, principal: Principal) -> OverviewPage:
    """Read the overview through the caller's eyes."""
    with ctx.read() as session:
        troubled = stacks_in_trouble(session, principal, LIST_ROWS)
        latest = latest_by_stack(session, [stack.id for stack in troubled])
        return OverviewPage(
            fleet=count_fleet(session, principal),
            in_trouble=[
                StackRow.of(stack, ctx.catalog, latest.get(stack.id)) for stack in troubled
            ],
            to_approve=_rows(waiting_for_approval(session, principal, LIST_ROWS)),
            running=_rows(with_status(session, principal, BUSY, LIST_ROWS)),
            running_count=sum(count_with_status(session, principal, BUSY).values()),
            ended=_rows(with_status(session, principal, FINAL, LIST_ROWS)),
            checks=check_all(ctx),
        )


def _rows(operations: Iterable[Operation]) -> list[OperationRow]:
    return [OperationRow.of(item) for item in operations]
