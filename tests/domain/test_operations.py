"""The life of an operation: one table says what may follow what."""

from __future__ import annotations

import pytest

from app.domain.operations import (
    ACTIVE,
    FINAL,
    OWNED,
    TRANSITIONS,
    AutoApply,
    OperationStatus,
    can_approve,
    can_cancel,
    is_allowed,
)
from app.domain.plan_summary import PlanSummary

S = OperationStatus


def reachable(start: OperationStatus) -> set[OperationStatus]:
    found, todo = set(), [start]
    while todo:
        status = todo.pop()
        if status not in found:
            found.add(status)
            todo.extend(TRANSITIONS[status])
    return found


def test_every_status_has_its_row_and_can_be_reached_from_pending() -> None:
    assert set(TRANSITIONS) == set(OperationStatus) == reachable(S.PENDING)


@pytest.mark.parametrize("status", OperationStatus)
def test_every_operation_can_come_to_an_end(status: OperationStatus) -> None:
    assert reachable(status) & FINAL


def test_what_has_ended_stays_ended() -> None:
    assert {
        S.APPLIED,
        S.PLANNED_AND_FINISHED,
        S.DISCARDED,
        S.CANCELED,
        S.ERRORED,
        S.INTERRUPTED,
    } == FINAL
    assert not FINAL & ACTIVE


def test_an_apply_is_never_queued_again_by_itself() -> None:
    assert not is_allowed(S.APPLYING, S.PENDING)
    assert not is_allowed(S.CANCELING, S.PENDING)
    assert not is_allowed(S.INTERRUPTED, S.PLANNING)
    assert is_allowed(S.PLANNING, S.PENDING), "a plan that died changed nothing"


def test_nothing_is_applied_without_a_plan() -> None:
    before_applying = {old for old in OperationStatus if is_allowed(old, S.APPLYING)}
    assert before_applying == {S.PLANNED}


def test_a_waiting_plan_holds_its_stack_but_no_worker() -> None:
    assert S.PLANNED in ACTIVE
    assert S.PLANNED not in OWNED


def test_only_a_plan_that_waits_can_be_approved() -> None:
    assert [status for status in OperationStatus if can_approve(status)] == [S.PLANNED]


def test_what_has_not_ended_and_is_not_stopping_can_be_canceled() -> None:
    assert {status for status in OperationStatus if can_cancel(status)} == {
        S.PENDING,
        S.PLANNING,
        S.PLANNED,
        S.APPLYING,
    }


@pytest.mark.parametrize(
    ("rule", "summary", "allowed"),
    [
        (AutoApply.ALWAYS, PlanSummary(destroy=9), True),
        (AutoApply.NEVER, PlanSummary(add=1), False),
        (AutoApply.UNLESS_DESTROY, PlanSummary(add=1, change=1), True),
        (AutoApply.UNLESS_DESTROY, PlanSummary(destroy=1), False),
        (AutoApply.UNLESS_DESTROY, PlanSummary(replace=1), False),
        (AutoApply.ADDITIONS_ONLY, PlanSummary(add=3), True),
        (AutoApply.ADDITIONS_ONLY, PlanSummary(add=3, change=1), False),
        (AutoApply.ADDITIONS_ONLY, PlanSummary(add=3, replace=1), False),
        (AutoApply.ADDITIONS_ONLY, PlanSummary(add=3, destroy=1), False),
    ],
)
def test_a_rule_decides_by_what_would_be_lost(
    rule: AutoApply, summary: PlanSummary, allowed: bool
) -> None:
    assert rule.allows(summary) is allowed


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (PlanSummary(), "Nothing to do: the cloud is as described."),
        (PlanSummary(add=1), "Will create 1 resource."),
        (
            PlanSummary(add=2, destroy=1, replace=1, change=3),
            "Will destroy 1, replace 1, change 3, create 2 resources.",
        ),
    ],
)
def test_a_plan_is_said_in_one_sentence_with_the_losses_first(
    summary: PlanSummary, sentence: str
) -> None:
    assert summary.sentence() == sentence


@pytest.mark.parametrize(
    ("changed_outputs", "sentence"),
    [
        (0, "Nothing to do: the cloud is as described."),
        (1, "Will change 1 output and no resource."),
        (2, "Will change 2 outputs and no resource."),
    ],
)
def test_outputs_are_told_where_nothing_else_happens(changed_outputs: int, sentence: str) -> None:
    assert PlanSummary().sentence(changed_outputs) == sentence
    assert PlanSummary(add=1).sentence(changed_outputs) == "Will create 1 resource."
