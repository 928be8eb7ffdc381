"""Who goes first: people before the clock, changes before looks, each project in its turn."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.operations import OperationType
from app.domain.queueing import AT_RANDOM, Limits, Load, Priority, Waiting, choose, choose_check

LIMITS = Limits(per_project=2, drift_checks=1)


def item(
    number: int, kind: OperationType = OperationType.APPLY, project: str = "a", by: str = "ada"
) -> Waiting:
    return Waiting(f"op_{number}", project, kind, by)


def test_the_oldest_goes_first_among_equals() -> None:
    assert choose([item(2), item(1), item(3)], Load(), LIMITS) == item(1)


def test_a_change_by_a_person_goes_before_a_look_and_that_before_the_clock() -> None:
    scheduled = item(1, OperationType.DRIFT_CHECK, by="system")
    asked = item(2, OperationType.DRIFT_CHECK)
    plan = item(3, OperationType.PLAN)
    destroy = item(4, OperationType.DESTROY)
    assert [each.priority for each in (destroy, plan, asked, scheduled)] == [
        Priority.CHANGE,
        Priority.LOOK,
        Priority.LOOK,
        Priority.SCHEDULED,
    ]
    assert choose([scheduled, asked, plan, destroy], Load(), LIMITS) == destroy


def test_the_project_that_runs_least_goes_first() -> None:
    load = Load({"a": 1})
    assert choose([item(1, project="a"), item(2, project="b")], load, LIMITS) == item(
        2, project="b"
    )


def test_a_full_project_does_not_stop_the_others() -> None:
    load = Load({"a": 2})
    assert choose([item(1, project="a")], load, LIMITS) is None
    assert choose([item(1, project="a"), item(2, project="b")], load, LIMITS) == item(
        2, project="b"
    )
    assert list(load.full_projects(LIMITS)) == ["a"]


def test_scheduled_checks_never_take_more_than_their_share() -> None:
    scheduled = item(1, OperationType.DRIFT_CHECK, by="system")
    assert choose([scheduled], Load(scheduled=1), LIMITS) is None
    asked = item(2, OperationType.DRIFT_CHECK)
    assert choose([scheduled, asked], Load(scheduled=1), LIMITS) == asked


def test_nothing_to_do_is_an_answer() -> None:
    assert choose([], Load(), LIMITS) is None


def test_a_scheduled_check_is_picked_from_the_first_that_have_room() -> None:
    checks = [item(100 + n, OperationType.DRIFT_CHECK, by="system") for n in range(20)]
    full = [item(n, OperationType.DRIFT_CHECK, project="full", by="system") for n in range(5)]
    seen = []

    def pick(first: Sequence[Waiting]) -> Waiting:
        seen.extend(first)
        return first[-1]

    chosen = choose_check([*full, *checks], Load({"full": 2}), LIMITS, pick)
    assert seen == checks[:AT_RANDOM]
    assert chosen == checks[AT_RANDOM - 1]


def test_no_check_is_picked_when_none_has_room() -> None:
    checks = [item(1, OperationType.DRIFT_CHECK, by="system")]
    assert choose_check(checks, Load({}, scheduled=1), LIMITS, lambda first: first[0]) is None
