"""Each count of a campaign can fail: what it stands for is made on purpose, and is counted."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import update

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import DriftFinding, Operation, Stack
from tests.campaign.findings import Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.invariants import StackChecks
from tests.campaign.outside_changes import KINDS, OutsideChanges
from tests.campaign.processes import Watch
from tests.campaign.trial import Ground
from tests.landform import Landform
from tests.services.engine.test_preemption import check_by_clock

PARAMETERS = {"machines": 1, "buckets": 4}


class Trial:
    """One stack of the kind ``site``, with a judge that knows what was asked for."""

    def __init__(self, landform: Landform) -> None:
        self.landform = landform
        self.ground = Ground(landform.ctx, landform.cloud)
        self.tally = Tally()
        self.stack = landform.made("site", "judged", parameters=PARAMETERS)
        self.checks = StackChecks(self.ground, self.tally, self.stack.id)

    def judge(self, *, is_exact: bool = False) -> dict[Promise, int]:
        """Return how often each promise is broken now, by what has happened since the last time."""
        operations = self.ground.operations(self.stack.id)
        self.checks.memory.accepted = {item.id for item in operations}
        self.checks.check(is_exact=is_exact)
        return self.counts()

    def counts(self) -> dict[Promise, int]:
        found = {promise: self.tally.count(promise) for promise in Promise}
        self.tally.problems.clear()
        return {promise: count for promise, count in found.items() if count}

    def add_subnet(self, zone: str, cidr: str) -> str:
        """Make a subnet in the cloud that carries the tag of the stack."""
        (network,) = [item for item in self.checks.inventory() if item["type"] == "network"]
        tags = {"landform:stack": self.stack.id, "landform:operation": self.last.id}
        return self.landform.cloud.add(
            "subnet", tags, name=f"x-{zone}", network_id=network["id"], cidr=cidr, zone=zone
        )

    @property
    def last(self) -> Operation:
        return self.ground.operations(self.stack.id)[-1]


@pytest.fixture
def trial(landform: Landform) -> Trial:
    made = Trial(landform)
    assert made.judge(is_exact=True) == {}, "nothing is wrong with it yet"
    return made


def name_as_orphan(trial: Trial, address: str, identifier: str) -> None:
    orphan = {"address": address, "type": "sandbox_subnet", "id": identifier, "reason": "a test"}
    with trial.landform.ctx.write() as session:
        session.get_one(Operation, trial.last.id).possibly_orphaned = [orphan]


def test_a_resource_that_no_state_has_and_nobody_names_is_forgotten(trial: Trial) -> None:
    forgotten = trial.add_subnet("eu-west-z", "10.0.240.0/20")
    assert trial.judge() == {Promise.RESOURCE: 1}
    trial.checks.memory.checked_until = ""
    name_as_orphan(trial, 'sandbox_subnet.this["eu-west-z"]', forgotten)
    assert trial.judge() == {}, "what is named is not forgotten"
    assert trial.judge(is_exact=True)[Promise.RESOURCE] > 0, "not after an undisturbed apply"


def test_what_exists_twice_under_one_address_is_doubled_also_when_it_is_named(
    trial: Trial,
) -> None:
    address = 'sandbox_subnet.this["eu-west-a"]'
    second = trial.add_subnet("eu-west-a", "10.0.240.0/20")
    trial.checks.memory.checked_until = ""
    name_as_orphan(trial, address, second)
    assert trial.judge() == {Promise.DOUBLED: 1}


def test_what_outlives_its_stack_is_abandoned(trial: Trial) -> None:
    assert not trial.checks.is_gone()
    assert trial.landform.perform(trial.stack, OperationType.DESTROY).status == "applied"
    assert trial.checks.is_gone()
    assert trial.counts() == {}
    trial.landform.cloud.add(
        "bucket", {"landform:stack": trial.stack.id}, name="judged-left-01", region="eu-west"
    )
    assert trial.checks.is_gone()
    assert trial.counts() == {Promise.ABANDONED: 1}


def test_an_outside_change_of_any_kind_without_an_open_finding_is_absorbed(trial: Trial) -> None:
    outside = OutsideChanges(trial.ground, trial.tally, Random(1))
    for kind in KINDS:
        outside.change(trial.checks, kind)
    outside.check(trial.checks)
    assert not trial.tally.outcomes["changes still seen"], "no check has looked yet"
    done = trial.landform.perform(trial.stack, OperationType.DRIFT_CHECK)
    assert done.status == "planned_and_finished"
    outside.check(trial.checks)
    assert trial.counts() == {}
    assert trial.tally.outcomes["changes still seen"] == 1
    absorb(trial.landform, trial.stack)
    outside.check(trial.checks)
    assert trial.counts() == {Promise.ABSORBED: len(KINDS)}


def absorb(landform: Landform, stack: Stack) -> None:
    """End the findings of a stack as if all was as agreed."""
    gone = update(DriftFinding).where(DriftFinding.stack_id == stack.id)
    with landform.ctx.write() as session:
        session.execute(gone.values(gone_since=utc_now(), gone_reason="undone"))


def test_a_scheduled_check_that_has_just_become_due_is_not_stuck(trial: Trial) -> None:
    check = check_by_clock(trial.landform, trial.stack)
    trial.checks.check(is_exact=False)
    assert (check.status, trial.counts()) == ("pending", {})


def test_what_does_not_end_is_stuck_and_what_nobody_asked_for_is_told(trial: Trial) -> None:
    trial.landform.request(trial.stack, OperationType.APPLY)
    trial.checks.check(is_exact=False)
    found = trial.counts()
    assert found[Promise.STUCK] == 1
    assert found[Promise.REQUEST] == 1


def test_a_state_that_is_gone_is_lost(trial: Trial) -> None:
    trial.checks.memory.serial += 1
    assert trial.judge() == {Promise.STATE: 1}


def test_two_programs_that_work_on_one_stack_overlap(trial: Trial) -> None:
    watch = Watch(trial.ground, trial.tally)
    other = trial.landform.request(trial.stack, OperationType.APPLY)
    (runs,) = trial.ground.run_folders
    with working_in(runs, trial.last.id):
        watch.sample()
        assert trial.counts() == {}
        with working_in(runs, trial.ground.operations(trial.stack.id)[0].id):
            watch.sample()
    assert trial.counts() == {Promise.OVERLAP: 1}
    assert trial.last.id == other.id


@contextmanager
def working_in(runs: Path, operation_id: str) -> Iterator[None]:
    """Run a program in the run directory of an operation."""
    folder = runs / operation_id
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(["sleep", "60"], cwd=folder))
        stack.callback(process.kill)
        yield


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_part_of_the_campaign_that_breaks_off_is_told() -> None:
    class Broken(GuardedThread):
        def work(self) -> None:
            raise ValueError("out of cards")

    tally = Tally()
    thread = Broken("broken", tally)
    thread.start()
    thread.join()
    assert tally.count(Promise.UNCHECKED) == 1
    assert "out of cards" in tally.problems[0].detail
