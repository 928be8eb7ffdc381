"""Reconcile: undo the drift that a report shows."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="reconcile",
    label="Reconcile",
    steps=(
        EngineStep.PREPARE,
        EngineStep.PLAN,
        EngineStep.DECIDE,
        EngineStep.APPLY,
        EngineStep.END,
    ),
    takes=frozenset({"report_id"}),
    changes_cloud=True,
    writes_state=True,
    needs_references=True,
    undoes_drift=True,
    # Half of the drift may be undone by then, and the report shows all of it.
    resumed_as="apply",
)
