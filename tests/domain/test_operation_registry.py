"""What is declared of each type of operation."""

from __future__ import annotations

import pytest

from app.domain.operation_facts import EngineStep, OperationFacts
from app.domain.operation_registry import facts_of, operation_facts, types_where
from app.domain.operations import OperationType, StepName

ALL = pytest.mark.parametrize("facts", operation_facts().values(), ids=operation_facts())


def test_each_type_that_code_names_has_its_file() -> None:
    assert set(operation_facts()) == set(OperationType)


def test_a_look_never_changes_the_cloud() -> None:
    looks = {OperationType.PLAN, OperationType.DRIFT_CHECK}
    assert set(OperationType) - set(types_where(lambda facts: facts.may_mutate)) == looks


def test_what_is_about_the_record_alone_builds_nothing() -> None:
    record_only = types_where(lambda facts: facts.may_mutate and not facts.changes_cloud)
    assert record_only == [OperationType.ACCEPT_DRIFT, OperationType.MOVE_STATE]
    assert not any(facts_of(name).builds for name in record_only)


@ALL
def test_whatever_changes_the_cloud_writes_down_what_it_did(facts: OperationFacts) -> None:
    assert facts.writes_state or not facts.changes_cloud


@ALL
def test_nothing_is_applied_before_it_was_planned_and_decided(facts: OperationFacts) -> None:
    if EngineStep.APPLY in facts.steps:
        before = facts.steps[: facts.steps.index(EngineStep.APPLY)]
        assert {EngineStep.PREPARE, EngineStep.PLAN, EngineStep.DECIDE} <= set(before)
        assert facts.may_mutate
        assert facts.steps[-1] is EngineStep.END


@ALL
def test_what_follows_an_interruption_is_a_type(facts: OperationFacts) -> None:
    following = {facts.resumed_as, facts.resumed_as_once_saved} - {None}
    assert following <= set(operation_facts())


def test_people_see_the_steps_that_the_engine_does() -> None:
    assert facts_of(OperationType.PLAN).shown_steps == (
        StepName.PREPARE,
        StepName.INIT,
        StepName.PLAN,
        StepName.CHECK,
    )
    assert facts_of(OperationType.MOVE_STATE).shown_steps == (StepName.PREPARE, StepName.SAVE)
    every = [name for name in StepName if name is not StepName.READ]
    assert list(facts_of(OperationType.ROLLBACK).shown_steps) == every


def test_a_type_that_nobody_declared_is_an_error() -> None:
    with pytest.raises(KeyError):
        facts_of("no_such_type")
