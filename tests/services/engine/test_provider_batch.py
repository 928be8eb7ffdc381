"""Scheduled checks that one process makes together, and what may come between."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import DriftBaseline, DriftReport, Operation, OperationStep, Schedule, Stack
from app.services.drift.baselines import has_fresh
from app.services.drift.queue_due import claim_due
from app.services.engine import preemption, provider_batch
from app.services.engine.claims import claim_checks
from app.services.engine.recovery import dead_runs
from app.services.operations import control
from app.services.queue.dispatch import checks_beside, choose_next, notify_checks
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests.landform import ADMIN, Landform

pytestmark = pytest.mark.usefixtures("pool")

SLOW_SECONDS = 2.0


@pytest.fixture
def buckets(landform: Landform) -> list[Stack]:
    """Three buckets that Terraform has checked; their checks come in any order."""
    made = [landform.made("bucket", f"store-{name}", parameters={}) for name in "abc"]
    while queue_checks(landform) and not all(is_known(landform, stack) for stack in made):
        landform.engine.work()
    end_all(landform)
    return made


def is_known(landform: Landform, stack: Stack) -> bool:
    with landform.ctx.read() as session:
        return session.get(DriftBaseline, stack.id) is not None


def end_all(landform: Landform) -> None:
    while choose_next(landform.ctx) is not None:
        landform.engine.work()


def queue_checks(landform: Landform) -> list[Operation]:
    """Have the clock check every stack; return the checks that wait."""
    with landform.ctx.write() as session:
        session.execute(update(Schedule).values(next_check_at=utc_now() - timedelta(seconds=1)))
    claim_due(landform.ctx)
    with landform.ctx.read() as session:
        query = select(Operation).where(Operation.status == "pending").order_by(Operation.id)
        return list(session.scalars(query))


def report_of(landform: Landform, check: Operation) -> DriftReport | None:
    """Return the report that a check made or confirmed, if it has ended."""
    with landform.ctx.read() as session:
        name = session.get_one(Stack, check.stack_id).drift_report_id
        row = session.get(DriftReport, name) if name else None
    return row if row is not None and row.checked_at >= check.created_at else None


def checkers(landform: Landform, checks: list[Operation]) -> list[str | None]:
    found = [report_of(landform, check) for check in checks]
    return [report and report.checked_by for report in found]


def statuses(landform: Landform, checks: list[Operation]) -> list[str]:
    return [landform.operation(check.id).status for check in checks]


@contextmanager
def meanwhile(seconds: float, deed: Callable[[], object]) -> Iterator[None]:
    """Do something beside the block, so long after its begin."""
    trouble: list[BaseException] = []

    def do() -> None:
        time.sleep(seconds)
        try:
            deed()
        except BaseException as error:  # noqa: BLE001 - raised again where the test waits
            trouble.append(error)

    thread = threading.Thread(target=do)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if trouble:
        raise trouble[0]


def test_one_claim_makes_the_checks_of_many_stacks(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    assert landform.engine.carry_out_checks(checks[0].id)
    assert statuses(landform, checks) == ["planned_and_finished"] * 3
    assert checkers(landform, checks) == ["provider"] * 3
    for check in checks:
        done, stack = landform.operation(check.id), landform.stack(check.stack_id)
        assert (done.fence, done.owner, done.lease_expires_at) == (1, None, None)
        assert [item["status"] for item in done.transitions] == [
            "pending",
            "planning",
            "planned_and_finished",
        ]
        assert (stack.drift_status, stack.status) == ("in_sync", "ready")
        assert stack.drift_report_id == (report_of(landform, check) or DriftReport()).id
        assert landform.messages(check) == [], "nothing is new"


def test_a_check_with_news_tells_how_it_was_made(landform: Landform, buckets: list[Stack]) -> None:
    checks = queue_checks(landform)
    with landform.ctx.write() as session:  # as after an apply
        session.get_one(Stack, checks[0].stack_id).drift_status = "not_checked"
    assert landform.engine.carry_out_checks(checks[0].id)
    assert landform.messages(checks[0])[0].startswith("1 resource reads as at ")
    with landform.ctx.read() as session:
        steps = select(OperationStep).where(OperationStep.operation_id == checks[0].id)
        (step,) = session.scalars(steps)
    assert (step.name, step.status, step.ended_at is not None) == ("read", "done", True)


def test_a_round_ends_at_the_first_stack_that_terraform_has_to_look_at(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    with landform.ctx.write() as session:
        session.get_one(DriftBaseline, checks[1].stack_id).fingerprint = "0" * 64
    assert landform.engine.carry_out_checks(checks[0].id)
    assert checkers(landform, checks) == ["provider", "terraform", None]
    left = landform.operation(checks[2].id)
    assert (left.status, left.owner, left.started_at) == ("pending", None, None)
    end_all(landform)
    assert checkers(landform, checks) == ["provider", "terraform", "provider"]


def test_a_stack_whose_data_is_odd_is_left_to_terraforms_check(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    with landform.ctx.write() as session:
        odd: Any = ["no", "parameters"]
        session.get_one(Stack, checks[0].stack_id).parameters = odd
    assert landform.engine.carry_out_checks(checks[0].id)
    end_all(landform)
    assert landform.operation(checks[0].id).status == "errored"
    assert checkers(landform, checks) == ["terraform", "provider", "provider"]


@pytest.mark.thorough
def test_only_what_can_be_made_alike_is_claimed_together(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    ids = [check.id for check in checks]

    def beside(number: int) -> list[str]:
        with landform.ctx.read() as session:
            return checks_beside(
                session, landform.settings, ids[number], has_fresh(landform.settings)
            )

    assert beside(0) == ids
    assert beside(1) == ids[1:], "each process begins at another one"
    with landform.ctx.write() as session:
        session.get_one(Stack, checks[2].stack_id).state_backend = "s3"
    assert beside(0) == ids[:2], "its state lies elsewhere"
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, checks[2].stack_id)
        stack.state_backend, stack.cloud = "volume", "aws"
    assert beside(0) == ids[:2], "there may be no memory for Terraform on that cloud"
    with landform.ctx.write() as session:
        session.delete(session.get_one(DriftBaseline, checks[1].stack_id))
    assert (beside(0), beside(1)) == (ids[:1], ids[1:2]), "Terraform has found nothing yet"
    own = ProcessIdentity.of(os.getpid()).to_dict()
    assert claim_checks(landform.ctx, lambda _: ids[1:2], "one", own)
    assert beside(1) == [], "its turn is over"


@pytest.mark.thorough
def test_a_round_is_one_of_the_checks_that_may_run_at_once(
    landform: Landform, buckets: list[Stack]
) -> None:
    changed = landform.settings.model_copy(update={"drift_limit": 2, "project_limit": 2})
    object.__setattr__(landform.ctx, "settings", changed)
    _, *others = queue_checks(landform)
    own = ProcessIdentity.of(os.getpid()).to_dict()
    claims = claim_checks(landform.ctx, lambda _: [item.id for item in others], "one", own)
    assert len(claims) == 2
    assert choose_next(landform.ctx) is not None, "one process makes both, one after the other"
    assert notify_checks(landform.ctx) == 0, "without Redis nobody is notified"
    with landform.ctx.write() as session:
        session.get_one(Operation, others[0].id).owner = "another"
    assert choose_next(landform.ctx) is None


@pytest.mark.thorough
def test_what_somebody_else_has_claimed_is_not_claimed_again(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    own = ProcessIdentity.of(os.getpid()).to_dict()
    ids = [check.id for check in checks]
    assert len(claim_checks(landform.ctx, lambda _: ids[:2], "one", own)) == 2
    (third,) = claim_checks(landform.ctx, lambda _: ids, "two", own)
    assert third.operation_id == ids[2]
    assert not landform.engine.carry_out_checks(ids[0])
    assert checkers(landform, checks) == [None] * 3


@pytest.mark.thorough
def test_the_checks_of_a_process_that_was_killed_are_made_by_another_one(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = ProcessIdentity.of(process.pid).to_dict()
        claim_checks(landform.ctx, lambda _: [item.id for item in checks], "one", identity)
        process.kill()
    assert sorted(dead_runs.reap(landform.ctx)) == [item.id for item in checks]
    assert statuses(landform, checks) == ["pending"] * 3
    end_all(landform)
    assert checkers(landform, checks) == ["provider"] * 3


@pytest.mark.thorough
def test_a_slow_stack_does_not_hold_the_others(
    landform: Landform, buckets: list[Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_batch, "ROUND_SECONDS", 0.0)
    checks, seen = queue_checks(landform), []
    landform.cloud.set_faults(read_delay_seconds=SLOW_SECONDS)
    with meanwhile(SLOW_SECONDS / 2, lambda: seen.extend(statuses(landform, checks))):
        assert landform.engine.carry_out_checks(checks[0].id)
    assert seen == ["planning", "pending", "pending"]
    assert statuses(landform, checks) == ["planned_and_finished", "pending", "pending"]
    assert checkers(landform, checks) == ["provider", None, None]


@pytest.mark.thorough
def test_a_batch_is_preempted_by_what_people_want_of_its_stack(
    landform: Landform, buckets: list[Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preemption, "LOOK_SECONDS", 0.0)
    checks = queue_checks(landform)
    landform.cloud.set_faults(read_delay_seconds=SLOW_SECONDS * 5)
    with meanwhile(0.5, lambda: landform.request(checks[0].stack, OperationType.PLAN)):
        assert landform.engine.carry_out_checks(checks[0].id)
    assert statuses(landform, checks) == ["pending"] * 3
    assert landform.messages(checks[0])[-1].startswith("Gave way")
    landform.cloud.set_faults()
    end_all(landform)
    assert statuses(landform, checks) == ["planned_and_finished"] * 3


@pytest.mark.thorough
def test_a_check_that_is_canceled_in_a_round_ends_and_the_others_go_on(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    landform.cloud.set_faults(read_delay_seconds=SLOW_SECONDS * 5)

    def cancel(number: int) -> None:
        with perform(landform.ctx, ADMIN) as work:
            control.cancel(work, checks[number].id)

    with meanwhile(0.5, lambda: [cancel(0), cancel(2)]):
        assert landform.engine.carry_out_checks(checks[0].id)
    assert statuses(landform, checks) == ["canceled", "pending", "canceled"]
    landform.cloud.set_faults()
    end_all(landform)
    assert checkers(landform, checks)[1] is not None


@pytest.mark.thorough
def test_what_another_process_took_over_meanwhile_is_left_to_it(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    landform.cloud.set_faults(read_delay_seconds=SLOW_SECONDS)

    def take_over() -> None:
        with landform.ctx.write() as session:
            session.get_one(Operation, checks[0].id).fence += 1

    with meanwhile(SLOW_SECONDS / 4, take_over):
        assert landform.engine.carry_out_checks(checks[0].id)
    assert report_of(landform, checks[0]) is None
    assert landform.operation(checks[0].id).status == "planning"


@pytest.mark.thorough
def test_a_volume_that_is_away_leaves_checks_waiting(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    root = landform.settings.state_dir
    root.rename(root.with_name("away"))
    try:
        assert not landform.engine.carry_out_checks(checks[0].id)
        assert statuses(landform, checks) == ["pending"] * 3
    finally:
        root.with_name("away").rename(root)


@pytest.mark.thorough
def test_a_state_that_was_rolled_back_is_never_in_sync(
    landform: Landform, buckets: list[Stack]
) -> None:
    checks = queue_checks(landform)
    pointer = landform.settings.state_dir / "stacks" / checks[0].stack_id / "current"
    pointer.write_bytes(pointer.read_bytes()[:10])
    end_all(landform)
    assert landform.stack(checks[0].stack_id).drift_status == "unknown"
    assert checkers(landform, checks)[1:] == ["provider", "provider"]
