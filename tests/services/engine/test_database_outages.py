"""The database goes away in every phase of an operation, and each of them goes on.

Every transaction that a worker commits after its claim breaks once, at the commit: all of its work
was done, and none of it stays. Every one that only reads breaks once at its first question. It
needs a server, whose connections can break.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import Connection, RootTransaction, event, text

from app.clock import utc_now
from app.db import Database
from app.domain.operations import AutoApply, OperationType
from app.domain.stacks import StateBackend
from app.models import Operation, Schedule, Stack
from app.services.drift.queue_due import claim_due
from app.services.operations import control
from app.services.work import perform
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE, Landform
from tests.postgresql import Server
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.services.engine.steps.test_move_state import ask, contents
from tests.services.engine.test_preemption import begin
from tests.services.engine.test_state_on_s3 import bucket, go_on_volume
from tests.state_bucket import StateBucket

__all__ = ["bucket"]

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]
PATIENCE_SECONDS = 120.0


class Outages:
    """Breaks the connection of every other transaction, but of the first ones that write."""

    def __init__(self, database: Database, spared: int) -> None:
        self.writes = self.reads = 0
        self._spared = spared
        self._breaks_write = self._breaks_read = True
        self._reading: RootTransaction | None = None
        self._admin = Database(str(database.engine.url.render_as_string(hide_password=False)))

    def on_commit(self, connection: Connection) -> None:
        """Have the server end this very connection, unless the last one broke, or it only read."""
        if not is_writing(connection):
            return
        if self._spared:
            self._spared -= 1
            return
        if self._breaks_write:
            self._break(connection)
            self.writes += 1
        self._breaks_write = not self._breaks_write

    def on_statement(
        self, connection: Connection, _cursor: object, statement: str, *_more: object
    ) -> None:
        """Do the same at the first question of a transaction that only reads."""
        transaction = connection.get_transaction()
        is_first = transaction is not self._reading and statement.startswith("SELECT")
        if is_writing(connection) or not is_first:
            return
        self._reading = transaction
        if self._breaks_read:
            self._break(connection)
            self.reads += 1
        self._breaks_read = not self._breaks_read

    def _break(self, connection: Connection) -> None:
        number = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        with self._admin.engine.connect() as admin:
            admin.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": number})

    def close(self) -> None:
        self._admin.close()


def is_writing(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("landform_write"))


@contextmanager
def broken(landform: Landform, spared: int = 1) -> Iterator[Outages]:
    """Take the database away in the middle of whatever the engine does after its claim."""
    outages, engine = Outages(landform.ctx.db, spared), landform.ctx.db.engine
    listeners = {"commit": outages.on_commit, "before_cursor_execute": outages.on_statement}
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield outages
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
        outages.close()


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings,
    sandbox_service: Service,
    postgresql_server: Server,
    bucket: StateBucket,
) -> Iterator[Landform]:
    """A Landform on PostgreSQL that is as patient as a worker, and has a bucket for states."""
    name = postgresql_server.create_database()
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        sandbox_port=sandbox_service.port,
        database_url=postgresql_server.url(name),
        **bucket.settings,
    )
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    go_on_volume(made)
    made.ctx.db.patience_seconds = PATIENCE_SECONDS
    yield made
    made.close()
    postgresql_server.drop_database(name)


def end_of(landform: Landform, operation: Operation, least: int = 3) -> Operation:
    """Carry an operation out while the database breaks at least so often."""
    with broken(landform) as outages:
        landform.engine.carry_out(operation.id)
    assert outages.writes >= least
    assert outages.reads
    return landform.operation(operation.id)


def events_of(landform: Landform, operation: Operation, word: str) -> int:
    return sum(word in message for message in landform.messages(operation))


def test_a_plan_its_approval_and_its_apply(landform: Landform) -> None:
    stack, operation = landform.create(
        "network", "net", parameters={"zones": 2}, auto_apply=AutoApply.NEVER
    )
    planned = end_of(landform, operation)
    assert planned.status == "planned", planned.error
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    done = end_of(landform, operation)
    assert done.status == "applied", done.error
    assert len(landform.cloud.list(type="subnet")) == 2, "nothing is made twice"
    assert [item.operation_id for item in landform.state_versions(stack)] == [operation.id]
    destroyed = end_of(landform, landform.request(stack, OperationType.DESTROY))
    assert destroyed.status == "planned", destroyed.error
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, destroyed.id)
    assert end_of(landform, destroyed).status == "applied"
    assert landform.stack(stack.id).status == "deleted"


def test_a_destroy_of_what_was_never_made(landform: Landform) -> None:
    stack, operation = landform.create("network", "net", parameters={"zones": 1})
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, operation.id)
    done = end_of(landform, landform.request(stack, OperationType.DESTROY))
    assert done.status == "applied", done.error
    assert landform.stack(stack.id).status == "deleted"
    assert events_of(landform, done, "Nothing was ever made") == 1


def test_an_apply_that_fails(landform: Landform) -> None:
    _, operation = landform.create("network", "net", parameters={"zones": 1})
    landform.cloud.set_faults(failure_rate=1)
    done = end_of(landform, operation)
    assert done.status == "errored"
    assert (done.error or {})["code"] == "terraform_failed"


def check_by_clock(landform: Landform, stack: Stack) -> Operation:
    with landform.ctx.write() as session:
        session.get_one(Schedule, stack.id).next_check_at = utc_now() - timedelta(seconds=1)
    assert claim_due(landform.ctx) == 1
    (check,) = landform.pending(stack)
    return check


def test_checks_by_terraform_and_by_the_provider(
    landform: Landform, network: Stack, pool: psutil.Process
) -> None:
    asked = end_of(landform, landform.request(network, OperationType.DRIFT_CHECK))
    assert asked.status == "planned_and_finished", asked.error
    for least in (2, 1):
        check = check_by_clock(landform, network)
        with broken(landform) as outages:
            assert landform.engine.carry_out_checks(check.id)
        assert outages.writes >= least
        assert landform.operation(check.id).status == "planned_and_finished"
        stack = landform.stack(network.id)
        assert (stack.drift_status, stack.schedule.failures) == ("in_sync", 0)


def test_a_check_that_is_preempted(landform: Landform, network: Stack) -> None:
    check = check_by_clock(landform, network)
    running = begin(landform, check)
    with broken(landform, spared=0) as outages:
        assert running.queue_again()
    assert outages.writes == 1
    assert landform.operation(check.id).status == "pending"
    assert events_of(landform, check, "Gave way") == 1


def test_a_move_of_the_state(landform: Landform, network: Stack, bucket: StateBucket) -> None:
    before = contents(landform, network)
    done = end_of(landform, ask(landform, network, StateBackend.S3))
    assert done.status == "applied", done.error
    assert landform.stack(network.id).state_backend == "s3"
    assert contents(landform, network) == before
    back = end_of(landform, ask(landform, network, StateBackend.VOLUME))
    assert back.status == "applied", back.error
    assert contents(landform, network) == before
