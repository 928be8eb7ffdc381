"""An apply records what it changed on the way, and covers up nothing that somebody else did."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from app.domain.operation_errors import FenceLostError, OperationDeadlineError
from app.domain.operations import OperationType
from app.models import DriftReport, Operation, Stack
from app.services.engine import workspace
from app.services.engine.claims import claim
from app.services.engine.heartbeat import Heartbeat
from app.services.engine.post_apply_refresh import refresh
from app.services.engine.recorder import Recorder
from app.terraform.cli import Terraform
from app.terraform.identity import ProcessIdentity
from tests.landform import Landform

PAUSE_SECONDS = 4.0


@pytest.fixture
def settling(landform: Landform) -> Landform:
    """A Landform whose sandbox has a provider that repeats values, as that of AWS does."""
    catalog = landform.ctx.catalog
    sandbox = replace(catalog.cloud("sandbox"), refreshes_after_apply=True)
    landform.use(replace(landform.ctx, catalog=replace(catalog, clouds={"sandbox": sandbox})))
    return landform


@contextmanager
def changed_on_the_way(
    landform: Landform, tags: dict[str, str] | None = None, **attributes: Any
) -> Iterator[None]:
    """Change the network while its subnet is being made: Terraform has recorded it by then."""

    def work() -> None:
        deadline = time.monotonic() + 120
        while not landform.cloud.list(type="subnet"):
            assert time.monotonic() < deadline, "no subnet was made"
            time.sleep(0.05)
        network = landform.cloud.get_only("network")
        body = {"attributes": attributes, "tags": {**network["tags"], **(tags or {})}}
        landform.cloud.call("PATCH", f"/resources/{network['id']}", json=body)

    landform.cloud.set_faults(create_delay_seconds=PAUSE_SECONDS)
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(120)


def drift_of(landform: Landform, stack: Stack) -> dict[str, str]:
    """Check for drift; return what differs and what an apply would do about it."""
    landform.perform(stack, OperationType.DRIFT_CHECK)
    with landform.ctx.read() as session:
        report = session.get(DriftReport, session.get_one(Stack, stack.id).drift_report_id)
    assert report is not None
    return {item["address"]: item["mending"] for item in report.changes}


@pytest.mark.thorough
def test_what_is_as_configured_is_recorded(settling: Landform) -> None:
    with changed_on_the_way(settling, tags={"landform:operation": "somebody"}):
        stack, operation = settling.create("network", "net", parameters={"zones": 1})
        assert settling.carry_out(operation).status == "applied"
    said = "Recorded what the apply changed on the way: sandbox_network.this."
    assert said in settling.messages(operation)
    assert drift_of(settling, stack) == {}
    assert len(settling.state_versions(stack)) == 1


@pytest.mark.thorough
def test_what_is_against_the_configuration_stays_drift(settling: Landform) -> None:
    with changed_on_the_way(settling, internet_access=False):
        stack = settling.made("network", "net", parameters={"zones": 1})
    assert drift_of(settling, stack) == {"sandbox_network.this": "update"}


def test_a_look_that_fails_is_told_and_makes_no_failure_of_a_success(landform: Landform) -> None:
    _, operation = landform.create("network", "net", parameters={"zones": 1})
    ctx, process = landform.ctx, ProcessIdentity.of(os.getpid()).to_dict()
    taken = claim(ctx, operation.id, "somebody", process)
    assert taken is not None
    with ctx.write() as session:
        row = session.get_one(Operation, operation.id)
        space, _ = workspace.prepare(ctx, session, ctx.state_store(row.stack_id), row)
    recorder = Recorder(ctx, taken, Heartbeat(ctx, taken))

    def unusable(_: str | None) -> Terraform:
        raise OperationDeadlineError("The cloud is slow.")

    refresh(ctx, space, taken, recorder, unusable)
    recorder.flush()
    (said,) = landform.messages(operation)
    assert said.startswith("The record could not be compared with the cloud: The cloud is slow.")

    def lost(_: str | None) -> Terraform:
        raise FenceLostError("Another owner.")

    with pytest.raises(FenceLostError):
        refresh(ctx, space, taken, recorder, lost)
