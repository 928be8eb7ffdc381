"""Two requests at the same moment: one wins, the other is told, nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import func, select, update

from app.clock import utc_now
from app.domain.operations import OperationStatus
from app.errors import LandformError
from app.models import Operation, Schedule, Stack
from app.services.cloud_accounts.accounts import CloudAccountChange, change_cloud_account
from app.services.cloud_accounts.grants import Grants
from app.services.context import Context
from app.services.drift.queue_due import claim_due
from app.services.idempotency import Reply, RequestIdentity, perform_once
from app.services.identity import sessions
from app.services.identity.sessions import OpenedSession
from app.services.identity.sign_in import Visitor, sign_in
from app.services.operations import control
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.create import NewStack, create_stack
from app.services.stacks.deletion import delete_stack
from app.services.work import Work, perform
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready

AT_ONCE = 6


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Do the work in several threads from the same instant; return results and errors."""
    barrier = threading.Barrier(AT_ONCE)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except LandformError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def codes(results: list[Any]) -> list[str]:
    return sorted(item.code for item in results if isinstance(item, LandformError))


def successes(results: list[Any]) -> list[Any]:
    return [item for item in results if not isinstance(item, LandformError)]


def test_one_name_is_given_to_one_stack(ctx: Context) -> None:
    results = at_once(lambda _: create(ctx, "web"))
    assert len(successes(results)) == 1
    assert codes(results) == ["name_taken"] * (AT_ONCE - 1)


def test_one_version_of_a_stack_is_changed_once(ctx: Context) -> None:
    stack = create(ctx, "web")

    def change(number: int) -> None:
        with perform(ctx, ADMIN) as work:
            wanted = StackChange(labels={"number": str(number)})
            change_stack(work, stack.id, wanted, expected_version=1)

    results = at_once(change)
    assert len(successes(results)) == 1
    assert codes(results) == ["precondition_failed"] * (AT_ONCE - 1)


def test_deleting_a_stack_many_times_destroys_it_once(ctx: Context) -> None:
    stack = create(ctx, "web")

    def delete(_: int) -> str:
        with perform(ctx, ADMIN) as work:
            return delete_stack(work, stack.id)[1].id

    assert len(set(at_once(delete))) == 1


def test_a_stack_is_either_deleted_or_referenced(ctx: Context) -> None:
    network = create(ctx, "net")
    make_ready(ctx, network)

    def use_or_delete(number: int) -> str:
        if number % 2:
            create(ctx, f"group-{number}", "machine-group", network="net")
            return "used"
        with perform(ctx, ADMIN) as work:
            delete_stack(work, network.id)
        return "deleted"

    results = at_once(use_or_delete)
    assert len(set(successes(results))) == 1, results
    assert set(codes(results)) <= {"stack_referenced", "reference_not_ready"}


def test_a_project_either_has_stacks_on_an_account_or_loses_it(ctx: Context) -> None:
    nobody = CloudAccountChange(grants=Grants())

    def use_or_revoke(number: int) -> str:
        if number % 2:
            create(ctx, f"web-{number}")
            return "used"
        with perform(ctx, ADMIN) as work:
            change_cloud_account(work, "sandbox", nobody)
        return "revoked"

    results = at_once(use_or_revoke)
    assert len(set(successes(results))) == 1, results
    assert set(codes(results)) <= {"conflict", "validation_failed"}


def test_ticks_of_several_schedulers_check_each_stack_once(ctx: Context) -> None:
    fleet = [create(ctx, f"web-{number}") for number in range(20)]
    for stack in fleet:
        make_ready(ctx, stack)
    with ctx.write() as session:
        session.execute(update(Schedule).values(next_check_at=utc_now()))
    claimed = successes(at_once(lambda _: claim_due(ctx)))
    assert sum(claimed) == len(fleet)
    with ctx.read() as session:
        checks = select(Operation.stack_id).where(Operation.type == "drift_check")
        assert sorted(session.scalars(checks)) == sorted(stack.id for stack in fleet)


def test_one_refresh_token_is_exchanged_once(ctx: Context) -> None:
    password = (ctx.settings.home_dir / "admin-password").read_text().strip()
    opened = sign_in(ctx, "admin", password, Visitor())

    def rotate(_: int) -> OpenedSession:
        return sessions.rotate(ctx, opened.session_id, opened.refresh_jti)

    results = at_once(rotate)
    assert len(successes(results)) == 1
    assert set(codes(results)) <= {"refresh_token_reused", "unauthenticated"}


def test_one_idempotency_key_is_carried_out_once_and_answered_alike(ctx: Context) -> None:
    identity = RequestIdentity.of(ADMIN, "key", "POST", "/networks", b"{}")

    def act(work: Work) -> Reply:
        wanted = NewStack(kind="network", name="web", project="default", cloud_account="sandbox")
        stack, _ = create_stack(work, wanted)
        return Reply(202, {"id": stack.id})

    answers = at_once(lambda _: perform_once(ctx, identity, act))
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sorted(answer.is_replay for answer in answers) == [False] + [True] * (AT_ONCE - 1)
    with ctx.read() as session:
        assert session.scalar(select(func.count()).select_from(Stack)) == 1


def test_a_plan_is_approved_once(ctx: Context) -> None:
    stack = create(ctx, "web")
    with ctx.write() as session:
        operation = session.scalars(select(Operation).where(Operation.stack_id == stack.id)).one()
        operation.status = OperationStatus.PLANNED.value

    def approve(_: int) -> None:
        with perform(ctx, ADMIN) as work:
            control.approve(work, operation.id)

    results = at_once(approve)
    assert len(successes(results)) == 1
    assert codes(results) == ["operation_state"] * (AT_ONCE - 1)
