"""Plan: show what an apply would do."""

from __future__ import annotations

from app.domain.operation_facts import EngineStep, OperationFacts

FACTS = OperationFacts(
    name="plan",
    label="Plan",
    steps=(EngineStep.PREPARE, EngineStep.PLAN, EngineStep.DECIDE),
    takes=frozenset({"targets", "replace", "blueprint_version"}),
    needs_references=True,
    starts_at_once=True,
)
