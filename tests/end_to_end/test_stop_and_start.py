"""Ctrl-C, a second start, two copies side by side: everything is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningLandform, running_landform, wait_until


@pytest.fixture
def landform(tmp_path: Path) -> Iterator[RunningLandform]:
    with running_landform(tmp_path / "home") as running:
        yield running


@pytest.mark.thorough
def test_ctrl_c_waits_for_a_running_apply_and_the_next_start_finds_all_as_it_was(
    landform: RunningLandform,
) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    running = landform.create("running")
    queued = landform.request(running["stack"]["id"], "plan")
    wait_until(lambda: landform.cloud_ids(running["stack"]["id"]), "the first resource")
    assert landform.stop() == 0
    landform.start_again()
    applied = landform.operation(running["operation"]["id"])
    assert applied["status"] == "applied", "it had ended before the stop did"
    stack_id = running["stack"]["id"]
    assert landform.recorded_ids(stack_id) == landform.cloud_ids(stack_id)
    assert landform.end_of(queued["id"])["status"] == "planned_and_finished"


@pytest.mark.thorough
def test_two_copies_run_side_by_side_and_know_nothing_of_each_other(
    landform: RunningLandform, tmp_path: Path
) -> None:
    with running_landform(tmp_path / "other") as other:
        mine, theirs = landform.made("same-name"), other.made("same-name")
        assert mine["id"] != theirs["id"]
        for copy, stack in ((landform, mine), (other, theirs)):
            assert [item["id"] for item in copy.call("GET", "/stacks")["items"]] == [stack["id"]]
            assert len(copy.cloud.list(type="network")) == 1
        refused = other.http.get("/api/v1/stacks", headers=dict(landform.http.headers))
        assert refused.status_code == 401
