"""How many refusals are recorded: for one caller, for all, and for each kind on its own."""

from __future__ import annotations

from app.domain.refusal_budget import (
    FOR_ONE,
    IN_ALL,
    WINDOW_SECONDS,
    RefusalBudget,
    RefusalKind,
)

START = 1000.0


def spend(budget: RefusalBudget, caller: str, times: int, now: float = START) -> list[int | None]:
    return [budget.take(RefusalKind.SIGN_IN, caller, now) for _ in range(times)]


def test_one_caller_gets_its_share_and_the_next_one_still_gets_its_own() -> None:
    budget = RefusalBudget()
    assert spend(budget, "a", FOR_ONE + 2) == [0] * FOR_ONE + [None, None]
    assert spend(budget, "b", 1) == [2], "the first that is recorded tells of those that were not"
    assert spend(budget, "b", 1) == [0], "and tells it once"


def test_all_together_get_no_more_than_there_is() -> None:
    budget = RefusalBudget()
    recorded = [spend(budget, f"caller-{number}", 1)[0] for number in range(IN_ALL + 1)]
    assert recorded == [0] * IN_ALL + [None]


def test_a_flood_of_one_kind_hides_none_of_another() -> None:
    budget = RefusalBudget()
    for number in range(IN_ALL):
        spend(budget, f"caller-{number % 7}", 1)
    assert budget.take(RefusalKind.SIGN_IN, "new", START) is None
    assert budget.take(RefusalKind.FOREIGN, "new", START) == 0


def test_the_budget_comes_back_with_the_next_window_for_one_and_for_all() -> None:
    budget = RefusalBudget()
    for number in range(IN_ALL):
        spend(budget, f"caller-{number}", 1)
    spend(budget, "caller-0", FOR_ONE)
    last = START + WINDOW_SECONDS - 0.001
    assert spend(budget, "caller-0", 1, last) == [None]
    later = spend(budget, "caller-0", FOR_ONE + 1, START + WINDOW_SECONDS)
    assert later == [FOR_ONE + 1, *[0] * (FOR_ONE - 1), None]


def test_every_refusal_is_counted_recorded_or_not() -> None:
    budget = RefusalBudget()
    spend(budget, "a", FOR_ONE + 5)
    budget.take(RefusalKind.RIGHT, "a", START)
    assert budget.totals() == {
        RefusalKind.SIGN_IN: FOR_ONE + 5,
        RefusalKind.RIGHT: 1,
        RefusalKind.FOREIGN: 0,
    }
