"""Drift without a cloud: changes as a check sees them, and checks that end with them."""

from __future__ import annotations

from typing import Any

from app.domain.drift import TagSearch
from app.domain.operations import OperationStatus, OperationType
from app.models import DriftReport, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.findings import findings_of
from app.services.engine import ending
from app.services.engine.check_ending import record_verdict
from app.services.engine.drift_check import DriftResult
from app.services.queue.order import add_operation
from app.services.queue.status import move
from tests.landform import ADMIN


def change(kind: str = "updated", address: str | None = "a_b.this", **values: Any) -> Any:
    attributes = [
        {"path": path, "before": 0, "after": after, "sensitive": False, "forces_replacement": False}
        for path, after in values.items()
    ]
    return {
        "address": address,
        "resource_id": None if address else "b-1",
        "type": "a_b",
        "name": "b",
        "change": kind,
        "attributes": attributes,
        "severity": "medium",
        "severity_reason": "changed",
        "mending": "update",
    }


def check(
    ctx: Context, stack: Stack, *changes: Any, asked_by: Principal = ADMIN, **more: Any
) -> DriftReport:
    """Let a drift check of the stack end with what it saw."""
    more.setdefault("search", TagSearch.DONE)
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        operation = add_operation(session, row, OperationType.DRIFT_CHECK, asked_by)
        move(operation, OperationStatus.PLANNING)
        findings = findings_of(session, [row.id])[row.id]
        record_verdict(session, operation, DriftResult(changes, **more), findings)
        ending.end(session, operation, OperationStatus.PLANNED_AND_FINISHED)
        return session.get_one(DriftReport, row.drift_report_id)
