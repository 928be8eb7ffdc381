"""Accept drift: take what a report shows over into the state; the cloud stays as it is."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="accept_drift",
    label="Accept drift",
    steps=(
        EngineStep.PREPARE,
        EngineStep.PLAN,
        EngineStep.DECIDE,
        EngineStep.APPLY,
        EngineStep.END,
    ),
    takes=frozenset({"report_id", "findings"}),
    writes_state=True,
    accepts_drift=True,
)
