"""Rollback: make an earlier state the present one, and the cloud what is configured."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="rollback",
    label="Roll back",
    steps=(
        EngineStep.PREPARE,
        EngineStep.PLAN,
        EngineStep.DECIDE,
        EngineStep.GO_BACK,
        EngineStep.APPLY,
        EngineStep.END,
    ),
    takes=frozenset({"serial", "adopt_forgotten"}),
    changes_cloud=True,
    writes_state=True,
    needs_approval=True,
    needs_references=True,
    reports_drift=True,
    goes_back=True,
    # What it went back to is the present state then.
    resumed_as_once_saved="apply",
)
