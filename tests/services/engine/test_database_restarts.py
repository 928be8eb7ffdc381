"""PostgreSQL is killed and started again in the middle of an apply, which goes on to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.domain.operations import OperationType
from app.models import Operation
from sandbox.provider.install import install
from tests import postgresql
from tests.conftest import MakeSettings
from tests.landform import NOWHERE, Landform
from tests.postgresql import Server
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.services.engine.test_recovery import recorded_ids, worker

pytestmark = pytest.mark.timeout(300)
PATIENCE_SECONDS = 120


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of its own, which keeps what it commits and may be killed."""
    binaries = postgresql.find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine: apt-get install postgresql")
    with postgresql.serve(binaries, is_durable=True) as made:
        yield made


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings, sandbox_service: Service, server: Server
) -> Iterator[Landform]:
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        sandbox_port=sandbox_service.port,
        database_url=server.url(server.create_database()),
    )
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    made.ctx.db.patience_seconds = PATIENCE_SECONDS
    made.cloud.set_faults(create_delay_seconds=2)
    yield made
    made.close()


def wait_until(is_so: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited too long for: {what}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "seconds",
    [
        2.0,
        pytest.param(0.0, marks=pytest.mark.thorough),
        pytest.param(15.0, marks=pytest.mark.thorough),
    ],
)
def test_an_apply_outlasts_a_database_that_is_killed_and_comes_back(
    landform: Landform, server: Server, seconds: float
) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    with worker(landform, operation, script="carry_out_patiently.py") as process:
        wait_until(landform.cloud.list, "the first resource")
        server.kill()
        time.sleep(seconds)
        server.start()
        assert process.wait(PATIENCE_SECONDS) == 0
    done = landform.operation(operation.id)
    assert done.status == "applied", done.error
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)
    assert_story_is_whole(landform, done)
    assert landform.stack(stack.id).status == "ready"
    landform.cloud.set_faults(create_delay_seconds=0)
    check = landform.perform(stack, OperationType.DRIFT_CHECK)
    assert check.status == "planned_and_finished"


def assert_story_is_whole(landform: Landform, operation: Operation) -> None:
    """Events that were kept while the database was away are there, in their order and once."""
    messages = landform.messages(operation)
    begun = [text for text in messages if "Creating..." in text]
    ended = [text for text in messages if "Creation complete" in text]
    assert (len(begun), len(ended)) == (4, 4), messages
