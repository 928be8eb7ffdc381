"""What is to be known of a type of operation: facts as data. Pure rules.

Each type is one file of ``app.domain.operation_types``; ``app.domain.operation_registry`` finds it.
Nothing else compares types: who needs to know something of one asks for a fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from app.domain.operations import StepName

Option = Literal[
    "targets",
    "replace",
    "serial",
    "adopt_forgotten",
    "report_id",
    "findings",
    "state_backend",
    "blueprint_version",
]
"""A field of the request for an operation that not every type takes."""


class EngineStep(StrEnum):
    """What the engine can do in an operation; ``app.services.engine.steps`` says how.

    People see the steps of ``StepName``, of which one of these may take several.
    """

    END_UNMADE = "end_unmade"
    PREPARE = "prepare"
    PLAN = "plan"
    DECIDE = "decide"
    GO_BACK = "go_back"
    APPLY = "apply"
    REQUIRE_NOTHING_LEFT = "require_nothing_left"
    END = "end"
    CHECK_DRIFT = "check_drift"
    MOVE_STATE = "move_state"


_SHOWN = {
    EngineStep.PREPARE: (StepName.PREPARE, StepName.INIT),
    EngineStep.PLAN: (StepName.PLAN,),
    EngineStep.DECIDE: (StepName.CHECK,),
    EngineStep.APPLY: (StepName.APPLY, StepName.SAVE),
    EngineStep.CHECK_DRIFT: (StepName.PLAN, StepName.SAVE),
    EngineStep.MOVE_STATE: (StepName.PREPARE, StepName.SAVE),
}


@dataclass(frozen=True, kw_only=True)
class OperationFacts:
    """What a type of operation does, needs and takes.

    Args:
        name: as the API and SQL have it.
        label: as people read it.
        steps: what the engine does, in this order; those after ``DECIDE`` once it is approved.
        takes: which options its request may have.
        changes_cloud: whether it can change what is in the cloud.
        writes_state: whether it can change the state, or where that is kept.
        needs_approval: whether a person must see its plan whatever the stack's rule says.
        needs_references: whether it needs outputs of the stacks that its stack refers to as they
            are to be, so that it fails while one of them is in trouble.
        starts_at_once: whether it needs no choice and no warning, so that a button is enough.
        reports_drift: whether its plan may be the first to see a drift.
        makes_stack: whether it makes what is configured, also for the first time.
        destroys: whether it takes away all that the stack has.
        goes_back: whether it makes an earlier state the present one.
        checks_drift: whether it compares the stack with reality and does no more.
        undoes_drift: whether it undoes the drift of a report.
        accepts_drift: whether it takes the drift of a report over into the state.
        moves_state: whether it takes the state to another place.
        resumed_as: the type that follows when a person has it tried again after an interruption;
            the same if there is none.
        resumed_as_once_saved: the same, where it had saved a state.
    """

    name: str
    label: str
    steps: tuple[EngineStep, ...]
    takes: frozenset[Option] = frozenset()
    changes_cloud: bool = False
    writes_state: bool = False
    needs_approval: bool = False
    needs_references: bool = False
    starts_at_once: bool = False
    reports_drift: bool = False
    makes_stack: bool = False
    destroys: bool = False
    goes_back: bool = False
    checks_drift: bool = False
    undoes_drift: bool = False
    accepts_drift: bool = False
    moves_state: bool = False
    resumed_as: str | None = None
    resumed_as_once_saved: str | None = None

    @property
    def may_mutate(self) -> bool:
        """Whether it can change the cloud or the state."""
        return self.changes_cloud or self.writes_state

    @property
    def builds(self) -> bool:
        """Whether the cloud is as configured after it, if it went well.

        Only such a one can take resources without a record into the state, too.
        """
        return self.changes_cloud and not self.destroys

    @property
    def is_about_drift(self) -> bool:
        """Whether it answers the drift that one report shows."""
        return self.undoes_drift or self.accepts_drift

    @property
    def shown_steps(self) -> tuple[StepName, ...]:
        """The steps that people see, in their order."""
        return tuple(name for step in self.steps for name in _SHOWN.get(step, ()))
