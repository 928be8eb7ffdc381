"""Plans and drift checks with a provider process that is kept between runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from app.domain.operations import OperationType
from app.models import Stack
from tests.landform import Landform
from tests.provider_pool import serving_pool

Keeper = psutil.Process


@pytest.fixture
def pool(landform: Landform) -> Iterator[Keeper]:
    home = landform.settings.home_dir
    (home / "providers" / "pool.sock").unlink(missing_ok=True)
    with serving_pool(home) as process:
        yield process


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_plans_and_checks_of_an_account_share_one_process(landform: Landform, pool: Keeper) -> None:
    network = landform.made("network", "net", parameters={"zones": 1})
    (provider,) = pool.children()
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync"
    assert landform.perform(network, OperationType.DESTROY).status == "applied"
    assert pool.children() == [provider]


def test_a_provider_that_reads_for_seconds_stays_lent(landform: Landform, pool: Keeper) -> None:
    """Terraform looks each second whether it can still signal what it reattached to."""
    network = landform.made("network", "net", parameters={"zones": 1})
    (provider,) = pool.children()
    landform.cloud.set_faults(read_delay_seconds=3)
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert pool.children() == [provider]


@pytest.mark.thorough
def test_drift_is_seen_with_a_provider_that_saw_the_stack_before(
    landform: Landform, pool: Keeper, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    cloud_id = landform.cloud.get_only("network")["id"]
    landform.cloud.call(
        "PATCH", f"/resources/{cloud_id}", json={"attributes": {"internet_access": False}}
    )
    landform.perform(network, OperationType.DRIFT_CHECK)
    assert landform.stack(network.id).drift_status == "drifted"
    landform.cloud.call(
        "PATCH", f"/resources/{cloud_id}", json={"attributes": {"internet_access": True}}
    )
    landform.perform(network, OperationType.DRIFT_CHECK)
    assert landform.stack(network.id).drift_status == "in_sync"
    assert len(pool.children()) == 1


@pytest.mark.thorough
def test_new_credentials_are_used_by_the_next_check(
    landform: Landform, pool: Keeper, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    (before,) = pool.children()
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, network.id)
        stack.cloud_account.sealed_credentials = landform.ctx.keys.encrypt(
            b'{"endpoint": "%s", "token": "wrong"}' % landform.settings.sandbox_endpoint.encode(),
            f"credentials:{stack.cloud_account_id}",
        )
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "errored"
    assert landform.stack(network.id).drift_status == "unknown"
    wait_for(lambda: not before.is_running())
    wait_for(lambda: pool.children() == [])


@pytest.mark.thorough
def test_a_provider_that_died_fails_no_check(
    landform: Landform, pool: Keeper, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    (provider,) = pool.children()
    provider.kill()
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync"


@pytest.mark.thorough
def test_a_keeper_that_was_killed_takes_its_providers_along_and_fails_no_check(
    landform: Landform, pool: Keeper, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    (provider,) = pool.children()
    pool.kill()
    wait_for(lambda: not provider.is_running())
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync"
