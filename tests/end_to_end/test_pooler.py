"""Landform behind PgBouncer in transaction mode, which gives each transaction another server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from app.db import Database
from app.domain.operations import AutoApply, OperationType
from app.models import Operation, Project
from app.services.operations import control
from app.services.work import perform
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE, Landform
from tests.pgbouncer import SERVERS, Pooler, find_pgbouncer, pooling
from tests.postgresql import Server
from tests.sandbox_cloud import Cloud, Service

CLIENTS, QUESTIONS = SERVERS * 4, 30


@pytest.fixture
def database(postgresql_server: Server) -> Iterator[str]:
    name = postgresql_server.create_database()
    yield name
    postgresql_server.drop_database(name)


@pytest.fixture
def pooler(postgresql_server: Server, database: str) -> Iterator[Pooler]:
    program = find_pgbouncer()
    if program is None:
        pytest.skip("PgBouncer is not installed (Debian has it in the package pgbouncer)")
    with pooling(program, postgresql_server, database) as made:
        yield made


def test_many_clients_share_few_servers(pooler: Pooler, database: str) -> None:
    """A statement that one of them has prepared is not there for the next transaction."""

    def ask(number: int) -> set[int]:
        seen = set()
        own = Database(pooler.url(database))
        for _ in range(QUESTIONS):
            with own.read() as session:
                assert session.scalars(select(Project.name).limit(number)).all() is not None
                seen.add(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        own.close()
        return seen

    with ThreadPoolExecutor(CLIENTS) as pool:
        servers = list(pool.map(ask, range(1, CLIENTS + 1)))
    assert max(map(len, servers)) > 1, "some client must have been given several"


def test_a_server_without_pooler_keeps_its_prepared_statements(
    postgresql_server: Server, database: str
) -> None:
    own = Database(postgresql_server.url(database))
    for _ in range(QUESTIONS):
        with own.read() as session:
            session.scalars(select(Project.name)).all()
            prepared = session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    own.close()
    assert any("FROM projects" in statement for statement in prepared)


def test_a_stack_lives_and_is_destroyed_behind_it(
    pooler: Pooler,
    database: str,
    make_prepared_settings: MakeSettings,
    sandbox_service: Service,
    cloud: Cloud,
) -> None:
    settings = make_prepared_settings(
        redis_url=NOWHERE, sandbox_port=sandbox_service.port, database_url=pooler.url(database)
    )
    install(settings.sandbox_mirror)
    landform = Landform(settings, cloud)
    stack, operation = landform.create(
        "network", "net", parameters={"zones": 2}, auto_apply=AutoApply.NEVER
    )
    _approve(landform, landform.carry_out(operation))
    assert landform.stack(stack.id).status == "ready"
    check = landform.perform(stack, OperationType.DRIFT_CHECK)
    assert check.status == "planned_and_finished", check.error
    _approve(landform, landform.perform(stack, OperationType.DESTROY))
    assert landform.stack(stack.id).status == "deleted"
    assert cloud.list() == []
    landform.close()


def _approve(landform: Landform, planned: Operation) -> None:
    assert planned.status == "planned", planned.error
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, planned.id)
    done = landform.carry_out(planned)
    assert done.status == "applied", done.error
