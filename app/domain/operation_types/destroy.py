"""Destroy: take away all that the stack has in the cloud."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="destroy",
    label="Destroy",
    steps=(
        EngineStep.END_UNMADE,
        EngineStep.PREPARE,
        EngineStep.PLAN,
        EngineStep.DECIDE,
        EngineStep.APPLY,
        EngineStep.REQUIRE_NOTHING_LEFT,
        EngineStep.END,
    ),
    changes_cloud=True,
    writes_state=True,
    destroys=True,
)
