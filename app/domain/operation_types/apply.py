"""Apply: make the cloud what is configured."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="apply",
    label="Apply",
    steps=(
        EngineStep.PREPARE,
        EngineStep.PLAN,
        EngineStep.DECIDE,
        EngineStep.APPLY,
        EngineStep.END,
    ),
    takes=frozenset({"targets", "replace", "blueprint_version"}),
    changes_cloud=True,
    writes_state=True,
    needs_references=True,
    starts_at_once=True,
    reports_drift=True,
    makes_stack=True,
)
