"""The tests notice most small changes of the rules, and every one of the fence."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.settings import REPOSITORY_ROOT
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.ledger import Ledger
from tests.mutation.mutants import mutants_of
from tests.mutation.runner import OF_ALL_RULES, SERVICES, Target, run, sample, targets

LEAST_KILLED = 0.85
FENCE = "operation.fence != claim.fence"


def test_a_mutant_is_another_program_with_one_change() -> None:
    source = "def f(a, b):\n    if a < b and not b:\n        return a + 1\n    return True\n"
    found = mutants_of(source)
    assert {item.change for item in found} == {
        *("Lt to LtE", "And turned", "last part dropped", "not dropped", "Add swapped"),
        *("number plus one", "returns nothing", "boolean turned", "branch never taken"),
    }
    assert len({item.source for item in found}) == len(found)
    for item in found:
        compile(item.source, "mutant", "exec")


def test_every_module_that_can_be_mutated_has_tests() -> None:
    without = [
        target.module
        for target in targets()
        if target.tests == OF_ALL_RULES
        and mutants_of((REPOSITORY_ROOT / target.module).read_text("utf-8"))
    ]
    assert without == []
    assert len(targets()) >= len(list((REPOSITORY_ROOT / "app/domain").glob("*.py")))


def test_what_is_called_equivalent_is_a_mutant_of_today() -> None:
    for module, change, place in EQUIVALENT:
        source = (REPOSITORY_ROOT / module).read_text(encoding="utf-8")
        assert (change, place) in {(item.change, item.place) for item in mutants_of(source)}


def test_a_run_goes_on_where_it_was_until_the_mutant_or_its_tests_change(tmp_path: Path) -> None:
    kept, test = tmp_path / "build/kept.jsonl", tmp_path / "test_it.py"
    test.write_text("one", encoding="utf-8")
    key = Ledger.key_of("a mutant", [test])
    ledger = Ledger(kept)
    ledger.add(key, is_killed=True)
    ledger.add(Ledger.key_of("another", [test]), is_killed=False)
    again = Ledger(kept)
    assert again.get(key) is True
    assert again.get(Ledger.key_of("another", [test])) is False
    assert again.get(Ledger.key_of("a third", [test])) is None
    test.write_text("two", encoding="utf-8")
    assert again.get(Ledger.key_of("a mutant", [test])) is None


def test_the_sample_is_the_same_each_time_and_of_every_module() -> None:
    assert [m for _, m in sample(50)] == [m for _, m in sample(50)]
    modules = {target.module for target in targets()}
    assert set(SERVICES) < modules
    assert len(modules) > 15


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_most_mutants_are_killed(tmp_path: Path) -> None:
    results = list(run(sample(60), tmp_path, seconds=1500))
    assert len(results) > 20
    counted = [item for item in results if item.is_killed or item.reason is None]
    killed = sum(item.is_killed for item in counted)
    assert killed / len(counted) >= LEAST_KILLED, [
        (item.module, item.mutant.line, item.mutant.change)
        for item in results
        if not item.is_killed
    ]


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_the_fence_that_once_nobody_guarded_is_guarded(tmp_path: Path) -> None:
    module = "app/services/engine/claims.py"
    source = (REPOSITORY_ROOT / module).read_text(encoding="utf-8")
    line = next(number for number, text in enumerate(source.splitlines(), 1) if FENCE in text)
    drawn = [
        (Target(module, SERVICES[module]), item) for item in mutants_of(source) if item.line == line
    ]
    assert len(drawn) >= 3
    assert [item.mutant.change for item in run(drawn, tmp_path, 800) if not item.is_killed] == []
