"""A state goes from the volume to S3 and back, and whatever dies on the way leaves one truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.domain.stacks import StateBackend
from app.domain.state_errors import StateCorruptError
from app.models import Operation, Stack
from app.services.engine import ending
from app.services.engine.recovery import dead_runs
from app.services.operations.control import cancel
from app.services.operations.move_state import request_move
from app.services.state.contents import list_resources
from app.services.state.upload import examine_upload, upload_state
from app.services.work import perform
from app.storage.s3_errors import StateMovedError
from app.storage.s3_state_store import S3StateStore
from app.storage.volume_state_store import VolumeStateStore
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE, Landform
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.services.engine.test_state_on_s3 import bucket, error_of, go_on_volume, lock_key, proxy
from tests.state_bucket import StateBucket

__all__ = ["bucket", "proxy"]

VOLUME, S3 = StateBackend.VOLUME, StateBackend.S3
DOCUMENT = {"version": 4, "lineage": "a", "resources": [], "outputs": {}}


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings, sandbox_service: Service, bucket: StateBucket
) -> Iterator[Landform]:
    """A Landform that keeps new states on the volume and has a bucket."""
    settings = make_prepared_settings(
        redis_url=NOWHERE, sandbox_port=sandbox_service.port, **bucket.settings
    )
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    go_on_volume(made)
    yield made
    made.close()


@pytest.fixture
def stack(landform: Landform) -> Stack:
    """A stack whose state has three versions, without any run of Terraform."""
    made, operation = landform.create("network", "net", parameters={"zones": 1})
    with perform(landform.ctx, ADMIN) as work:
        cancel(work, operation.id)
    for serial in (1, 2, 5):
        upload(landform, made, serial)
    return landform.stack(made.id)


def upload(landform: Landform, stack: Stack, serial: int) -> None:
    data = json.dumps({**DOCUMENT, "serial": serial}).encode()
    examined = examine_upload(landform.ctx, ADMIN, stack.id, data)
    with perform(landform.ctx, ADMIN) as work:
        _, plan = upload_state(work, examined)
        cancel(work, plan.id)


def ask(landform: Landform, stack: Stack, target: StateBackend) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        options = PlanOptions(state_backend=target.value)
        return request_move(work, stack.id, options)[1]


def moved(landform: Landform, stack: Stack, target: StateBackend) -> Operation:
    return landform.carry_out(ask(landform, stack, target))


def contents(landform: Landform, stack: Stack) -> dict[int, bytes]:
    """Read every version that SQL knows from where SQL says that it is."""
    store, versions = landform.ctx.state_store(stack.id), landform.state_versions(stack)
    current = store.current(stack.id)
    assert current is not None
    assert current.sha256 == versions[-1].sha256
    return {item.serial: store.read(stack.id, item.serial, item.sha256) for item in versions}


def is_left(landform: Landform, stack: Stack, place: StateBackend) -> bool:
    store = landform.ctx.store_in(place)
    try:
        store.current(stack.id)
    except StateMovedError:
        return store.versions(stack.id) == ()
    return False


def test_a_state_goes_to_s3_and_back_with_every_version(
    landform: Landform, stack: Stack, bucket: StateBucket
) -> None:
    before = contents(landform, stack)
    assert sorted(before) == [1, 2, 5]
    status = landform.stack(stack.id).status
    for target, other in ((S3, VOLUME), (VOLUME, S3), (S3, VOLUME)):
        done = moved(landform, stack, target)
        assert (done.status, done.error) == ("applied", None)
        after = landform.stack(stack.id)
        assert (after.state_backend, after.status) == (target, status)
        assert contents(landform, stack) == before
        assert is_left(landform, stack, other)
    assert lock_key(stack) not in bucket.names()
    assert any("Serial 5 and 2 earlier versions" in text for text in landform.messages(done))


@pytest.mark.thorough
def test_a_stack_is_worked_on_after_its_state_has_moved(landform: Landform) -> None:
    network = landform.made("network", "net", parameters={"zones": 1})
    assert moved(landform, network, S3).status == "applied"
    assert len(list_resources(landform.ctx, network.id)) == 2
    assert landform.perform(network, OperationType.APPLY).status == "planned_and_finished"
    assert moved(landform, network, VOLUME).status == "applied"
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.perform(network, OperationType.DESTROY).status == "applied"


def test_a_stack_without_state_only_changes_its_place(landform: Landform) -> None:
    made, first = landform.create("network", "net", parameters={"zones": 1})
    with perform(landform.ctx, ADMIN) as work:
        cancel(work, first.id)
    for target in (S3, VOLUME, S3):
        assert moved(landform, made, target).status == "applied"
        assert landform.stack(made.id).state_backend == target
        assert landform.ctx.state_store(made.id).current(made.id) is None


def test_a_move_to_where_the_state_is_changes_nothing(landform: Landform, stack: Stack) -> None:
    before = contents(landform, stack)
    assert moved(landform, stack, VOLUME).status == "applied"
    assert contents(landform, stack) == before


POINTS = [
    ("keep", S3StateStore, 0),
    ("keep", S3StateStore, 2),
    ("point_to", S3StateStore, 0),
    ("retire", VolumeStateStore, 0),
]


@pytest.mark.parametrize(
    # Before one call is mostly after the one before it.
    "is_after",
    [pytest.param(False, marks=pytest.mark.thorough, id="before"), pytest.param(True, id="after")],
)
@pytest.mark.parametrize(("method", "store", "calls"), POINTS)
def test_a_kill_at_any_point_leaves_one_truth_and_the_move_goes_on(
    landform: Landform,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    store: type[Any],
    calls: int,
    is_after: bool,
) -> None:
    before = contents(landform, stack)
    operation = ask(landform, stack, S3)
    with monkeypatch.context() as patch:
        patch.setattr(store, method, _dying(getattr(store, method), calls, is_after))
        die(landform, operation)
    check_one_truth_and_go_on(landform, stack, operation, before)


@pytest.mark.parametrize("target", [ending, StateBackend])
def test_a_kill_around_the_end_leaves_one_truth_and_the_move_goes_on(
    landform: Landform, stack: Stack, monkeypatch: pytest.MonkeyPatch, target: object
) -> None:
    before = contents(landform, stack)
    operation = ask(landform, stack, S3)
    with monkeypatch.context() as patch:
        if target is ending:
            patch.setattr(ending, "end", _dying(ending.end, 0, is_after=False))
        else:  # inside the transaction that switches
            patch.setattr(
                "app.services.engine.steps.move_state.touch",
                _dying(lambda _: None, 0, is_after=False),
            )
        die(landform, operation)
    check_one_truth_and_go_on(landform, stack, operation, before)


def check_one_truth_and_go_on(
    landform: Landform, stack: Stack, operation: Operation, before: dict[int, bytes]
) -> None:
    assert contents(landform, stack) == before
    dead_runs.reap(landform.ctx)
    assert landform.operation(operation.id).status == "pending"
    assert landform.carry_out(operation).status == "applied"
    assert landform.stack(stack.id).state_backend == S3
    assert contents(landform, stack) == before
    assert is_left(landform, stack, VOLUME)


def die(landform: Landform, operation: Operation) -> None:
    """Carry the operation out until it crashes, and have its process count as dead."""
    with pytest.raises(Crash):
        landform.carry_out(operation)
    with landform.ctx.write() as session:
        row = session.get_one(Operation, operation.id)
        row.owner_process = {**(row.owner_process or {}), "start_time": 1}


def _dying(method: Callable[..., Any], calls: int, is_after: bool) -> Callable[..., Any]:
    left = iter(range(calls))

    def call(*arguments: Any, **named: Any) -> Any:
        if next(left, None) is not None:
            return method(*arguments, **named)
        if is_after:
            method(*arguments, **named)
        raise Crash

    return call


def test_a_damaged_version_stops_the_move_and_everything_stays(
    landform: Landform, stack: Stack
) -> None:
    folder = landform.settings.state_dir / "stacks" / stack.id / "versions"
    (file,) = folder.glob("2-*")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    done = moved(landform, stack, S3)
    assert error_of(done) == ("errored", StateCorruptError.code)
    assert landform.stack(stack.id).state_backend == VOLUME
    file.write_bytes(whole)
    assert moved(landform, stack, S3).status == "applied"


def test_a_bucket_that_refuses_stops_the_move_and_everything_stays(
    landform: Landform, stack: Stack, bucket: StateBucket
) -> None:
    before = contents(landform, stack)
    bucket.set_versioning("Suspended")
    assert error_of(moved(landform, stack, S3)) == ("errored", "state_bucket_unversioned")
    assert landform.stack(stack.id).state_backend == VOLUME
    assert contents(landform, stack) == before


def test_what_cannot_be_removed_is_told_and_removed_by_the_same_move_again(
    landform: Landform, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StateMovedError("as the test wants")

    with monkeypatch.context() as patch:
        patch.setattr(VolumeStateStore, "retire", refuse)
        done = moved(landform, stack, S3)
    assert done.status == "applied"
    assert any("could not be removed" in text for text in landform.messages(done))
    assert not is_left(landform, stack, VOLUME)
    assert moved(landform, stack, S3).status == "applied"
    assert is_left(landform, stack, VOLUME)


def test_a_move_that_is_canceled_in_time_leaves_the_state_where_it_was(
    landform: Landform, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = ask(landform, stack, S3)
    real = S3StateStore.point_to

    def point_to(*arguments: Any) -> None:
        with perform(landform.ctx, ADMIN) as work:
            cancel(work, operation.id)
        real(*arguments)

    monkeypatch.setattr(S3StateStore, "point_to", point_to)
    assert landform.carry_out(operation).status == "canceled"
    assert landform.stack(stack.id).state_backend == VOLUME
    assert sorted(contents(landform, stack)) == [1, 2, 5]


def test_a_move_waits_for_a_persons_lock_file(
    landform: Landform, stack: Stack, bucket: StateBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.engine.run.LOCK_WAIT_SECONDS", 0)
    bucket.write(lock_key(stack), b'{"Who": "anna@laptop"}')
    assert error_of(moved(landform, stack, S3)) == ("errored", "state_locked_elsewhere")
    assert landform.stack(stack.id).state_backend == VOLUME


def test_without_a_bucket_in_the_settings_a_queued_move_ends_with_these_words(
    landform: Landform, stack: Stack
) -> None:
    operation = ask(landform, stack, S3)
    landform.use(replace(landform.ctx, bucket=None))
    assert error_of(landform.carry_out(operation)) == ("errored", "state_bucket_missing")
