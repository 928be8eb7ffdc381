"""A plan that awaits approval keeps its secrets sealed, and is applied from there."""

from __future__ import annotations

import pytest

from app.domain.operations import AutoApply, OperationStatus
from app.models import Operation, Stack
from app.services.operations import control
from app.services.work import perform
from app.storage.parked_run import SEALED_SUFFIX
from app.storage.run_files import LOCK_FILE
from tests.landform import ADMIN, Landform

pytestmark = pytest.mark.thorough

SECRET = "canary-parked-9d2f"


@pytest.fixture
def parked(landform: Landform, network: Stack) -> Operation:
    """An operation with a sensitive parameter whose plan waits for approval."""
    _, operation = landform.create(
        "machine-group",
        "workers",
        parameters={"network": "net", "user_data": SECRET},
        auto_apply=AutoApply.NEVER,
    )
    waiting = landform.carry_out(operation)
    assert waiting.status == OperationStatus.PLANNED
    return waiting


def approve(landform: Landform, operation: Operation) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    return landform.carry_out(operation)


def test_the_run_directory_of_a_waiting_plan_is_sealed_and_the_plan_is_still_applied(
    landform: Landform, parked: Operation
) -> None:
    directory = landform.ctx.runs.of(parked.id)
    files = [path for path in directory.path.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == SEALED_SUFFIX]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert not directory.plan_path.exists()
    assert approve(landform, parked).status == "applied"
    (machine,) = landform.cloud.list(type="machine")
    assert machine["attributes"]["user_data_sha256"]
    assert not directory.exists


def test_a_damaged_waiting_plan_is_refused_and_nothing_is_changed(
    landform: Landform, parked: Operation
) -> None:
    directory = landform.ctx.runs.of(parked.id)
    sealed = directory.plan_path.with_name(directory.plan_path.name + SEALED_SUFFIX)
    data = bytearray(sealed.read_bytes())
    data[-1] ^= 1
    sealed.write_bytes(bytes(data))
    done = approve(landform, parked)
    assert (done.status, (done.error or {})["code"]) == ("errored", "decryption_failed")
    assert landform.cloud.list(type="machine") == []
    assert not directory.exists


def test_a_plan_that_was_made_with_other_providers_is_stale(
    landform: Landform, parked: Operation
) -> None:
    lock = landform.ctx.runs.of(parked.id).path / LOCK_FILE
    lock.write_bytes(lock.read_bytes() + b"# of another release\n")
    done = approve(landform, parked)
    assert (done.status, (done.error or {})["code"]) == ("errored", "plan_stale")
    assert landform.cloud.list(type="machine") == []
