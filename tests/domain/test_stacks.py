"""What the end of an operation makes of its stack."""

from __future__ import annotations

import pytest

from app.domain.operations import OperationStatus, OperationType
from app.domain.stacks import StackStatus, status_after, status_while

End, T, S = OperationStatus, OperationType, StackStatus


@pytest.mark.parametrize(
    ("kind", "outcome", "before", "was_applying", "after"),
    [
        (T.APPLY, End.APPLIED, S.CREATING, True, S.READY),
        (T.APPLY, End.APPLIED, S.NEEDS_ATTENTION, True, S.READY),
        (T.APPLY, End.PLANNED_AND_FINISHED, S.FAILED, False, S.READY),
        (T.APPLY, End.ERRORED, S.READY, False, S.READY),
        (T.APPLY, End.ERRORED, S.READY, True, S.FAILED),
        (T.APPLY, End.ERRORED, S.CREATING, False, S.FAILED),
        (T.APPLY, End.CANCELED, S.READY, True, S.FAILED),
        (T.APPLY, End.INTERRUPTED, S.READY, True, S.NEEDS_ATTENTION),
        (T.DESTROY, End.APPLIED, S.READY, True, S.DELETED),
        (T.DESTROY, End.ERRORED, S.READY, True, S.FAILED),
        (T.DESTROY, End.INTERRUPTED, S.READY, True, S.NEEDS_ATTENTION),
        (T.PLAN, End.PLANNED_AND_FINISHED, S.FAILED, False, S.FAILED),
        (T.PLAN, End.ERRORED, S.READY, False, S.READY),
        (T.MOVE_STATE, End.APPLIED, S.FAILED, False, S.FAILED),
        (T.MOVE_STATE, End.ERRORED, S.READY, False, S.READY),
        (T.DRIFT_CHECK, End.ERRORED, S.READY, False, S.READY),
        (T.DRIFT_CHECK, End.PLANNED_AND_FINISHED, S.NEEDS_ATTENTION, False, S.NEEDS_ATTENTION),
    ],
)
def test_an_end_settles_the_stack(
    kind: OperationType,
    outcome: OperationStatus,
    before: StackStatus,
    was_applying: bool,
    after: StackStatus,
) -> None:
    assert status_after(kind, outcome, before, was_applying=was_applying) is after


@pytest.mark.parametrize(
    ("kind", "current", "shown"),
    [
        (T.APPLY, S.CREATING, S.CREATING),
        (T.APPLY, S.READY, S.UPDATING),
        (T.APPLY, S.FAILED, S.UPDATING),
        (T.DESTROY, S.CREATING, S.DELETING),
        (T.PLAN, S.READY, S.READY),
        (T.DRIFT_CHECK, S.FAILED, S.FAILED),
    ],
)
def test_a_stack_says_what_is_being_done_to_it(
    kind: OperationType, current: StackStatus, shown: StackStatus
) -> None:
    assert status_while(kind, current) is shown
