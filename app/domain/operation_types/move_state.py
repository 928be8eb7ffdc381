"""Move state: take the Terraform state of a stack to the volume, or to the bucket."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="move_state",
    label="Move state",
    steps=(EngineStep.MOVE_STATE,),
    takes=frozenset({"state_backend"}),
    writes_state=True,
    moves_state=True,
)
