"""A type that nothing in the code knows: an apply that always waits for approval."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="toy",
    label="Toy",
    steps=(
        EngineStep.PREPARE,
        EngineStep.PLAN,
        EngineStep.DECIDE,
        EngineStep.APPLY,
        EngineStep.END,
    ),
    takes=frozenset({"targets"}),
    changes_cloud=True,
    writes_state=True,
    needs_approval=True,
    needs_references=True,
)
