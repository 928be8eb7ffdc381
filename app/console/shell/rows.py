"""One row of a list: a stack or an operation, with what every list says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.catalog.catalog import Catalog
from app.console.shell.labels.stacks import AWAITING_APPROVAL, QUEUED
from app.domain.operations import OperationStatus
from app.domain.stacks import StackStatus
from app.models import Operation, Stack

MOVING = (StackStatus.CREATING, StackStatus.UPDATING, StackStatus.DELETING)


@dataclass(frozen=True)
class OperationRow:
    """An operation in a list."""

    id: str
    type: str
    status: str
    stack_id: str
    stack_name: str
    stack_kind: str
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    is_waiting_for_approval: bool
    plan: dict[str, int] | None

    @classmethod
    def of(cls, operation: Operation) -> OperationRow:
        """Read the row of an operation."""
        return cls(
            id=operation.id,
            type=operation.type,
            status=operation.status,
            stack_id=operation.stack_id,
            stack_name=operation.stack.name,
            stack_kind=operation.stack.kind,
            requested_by=operation.requested_by,
            created_at=operation.created_at,
            started_at=operation.started_at,
            ended_at=operation.ended_at,
            # A person has to decide about its plan.
            is_waiting_for_approval=operation.status == "planned" and operation.approved_at is None,
            plan=operation.plan_summary,
        )


@dataclass(frozen=True)
class StackRow:
    """A stack in a list; ``last_operation`` only where the list asked for it."""

    id: str
    name: str
    kind: str
    kind_title: str
    project: str
    cloud: str
    cloud_account: str
    region: str
    status: str
    status_reason: str | None
    drift_status: str
    drift_reason: str | None
    drift_since: datetime | None
    has_pending_changes: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    labels: Mapping[str, str]
    last_operation: OperationRow | None = None
    first_operation: OperationRow | None = None

    @property
    def standing(self) -> str:
        """Return the status as people see it: nothing is *creating* while its operation waits."""
        first = self.first_operation
        if self.status not in MOVING or first is None:
            return self.status
        if first.is_waiting_for_approval:
            return AWAITING_APPROVAL
        return QUEUED if first.status == OperationStatus.PENDING else self.status

    @classmethod
    def of(
        cls,
        stack: Stack,
        catalog: Catalog,
        last_operation: Operation | None = None,
        first_operation: Operation | None = None,
    ) -> StackRow:
        """Read the row of a stack; of its unfinished operations the first one is its turn."""
        return cls(
            id=stack.id,
            name=stack.name,
            kind=stack.kind,
            kind_title=kind_title(catalog, stack.kind),
            project=stack.project.name,
            cloud=stack.cloud,
            cloud_account=stack.cloud_account.name,
            region=stack.region,
            status=stack.status,
            status_reason=stack.status_reason,
            drift_status=stack.drift_status,
            drift_reason=stack.drift_reason,
            drift_since=stack.drift_since,
            has_pending_changes=stack.has_pending_changes,
            created_at=stack.created_at,
            created_by=stack.created_by,
            updated_at=stack.updated_at,
            labels={name: str(value) for name, value in sorted(stack.labels.items())},
            last_operation=OperationRow.of(last_operation) if last_operation else None,
            first_operation=OperationRow.of(first_operation) if first_operation else None,
        )


def kind_title(catalog: Catalog, kind: str) -> str:
    """Return the title of a kind; of one that left the catalog, its name."""
    blueprint = catalog.kinds.get(kind)
    return blueprint.title if blueprint else kind
