"""The engine does the steps that the file of a type names, also those of a type it never saw."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.console.operations.read_detail import read_operation_page
from app.domain import operation_types
from app.domain.operation_facts import EngineStep
from app.domain.operation_registry import facts_of, operation_facts
from app.domain.plan_options import PlanOptions
from app.errors import ValidationError
from app.models import Operation, Stack
from app.services.engine.steps.table import STEPS
from app.services.operations import control
from app.services.work import perform
from tests.landform import ADMIN, Landform

TOY_TYPES = str(Path(__file__).with_name("toy_types"))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A type that comes from one file beside those of the code."""
    monkeypatch.setattr(operation_types, "__path__", [*operation_types.__path__, TOY_TYPES])
    operation_facts.cache_clear()
    yield "toy"
    sys.modules.pop(f"{operation_types.__name__}.toy", None)
    monkeypatch.undo()
    operation_facts.cache_clear()


def request(landform: Landform, stack: Stack, kind: str, options: PlanOptions) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        return control.request_operation(work, stack.id, kind, options)[1]


def test_there_is_a_function_for_each_step() -> None:
    assert set(STEPS) == set(EngineStep)


def test_a_type_from_one_file_runs_to_its_end(landform: Landform, network: Stack, toy: str) -> None:
    subnet = landform.cloud.get_only("subnet")
    landform.cloud.call("DELETE", f"/resources/{subnet['id']}")
    planned = landform.carry_out(request(landform, network, toy, PlanOptions()))
    assert (planned.status, planned.error) == ("planned", None)
    assert landform.cloud.list(type="subnet") == []
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, planned.id)
    done = landform.carry_out(planned)
    assert (done.status, done.error) == ("applied", None)
    assert landform.cloud.get_only("subnet")["id"] != subnet["id"]
    assert landform.stack(network.id).status == "ready"
    assert [step.name for step in done.steps] == list(facts_of(toy).shown_steps)


def test_a_type_from_one_file_is_shown_and_takes_only_its_options(
    landform: Landform, network: Stack, toy: str
) -> None:
    with pytest.raises(ValidationError, match="A toy takes no serial"):
        request(landform, network, toy, PlanOptions(serial=1))
    asked = request(landform, network, toy, PlanOptions(targets=("sandbox_network.this",)))
    page = read_operation_page(landform.ctx, ADMIN, asked.id)
    assert [step.name for step in page.operation.steps] == list(facts_of(toy).shown_steps)
    assert facts_of(asked.type).label == "Toy"


def test_the_toy_is_no_type_of_the_code() -> None:
    assert "toy" not in operation_facts()
