"""Drift check: compare the stack with reality, and change nothing."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="drift_check",
    label="Drift check",
    steps=(EngineStep.PREPARE, EngineStep.CHECK_DRIFT),
    starts_at_once=True,
    checks_drift=True,
)
