"""Events are written with the change they record, one after another, whoever writes at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.db import Database
from app.domain.audit_chain import ChainCheck, ChainLink
from app.domain.permissions import ActorKind
from app.models import AuditEvent, AuditHead, Project, Stack
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL, Principal
from app.services.audit_trail.trail import chained, read_chain
from app.services.context import Context
from app.services.installation.migrations import _config, upgrade
from app.services.work import perform
from tests.conftest import MakeSettings
from tests.landform import ADMIN
from tests.postgresql import Server
from tests.services.some_stacks import create

WRITERS = 6
EACH = 15


def trail(ctx: Context) -> list[AuditEvent]:
    with ctx.read() as session:
        return list(session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)))


def is_whole(ctx: Context) -> bool:
    with ctx.read() as session:
        head = session.get_one(AuditHead, audit.HEAD)
        check = ChainCheck()
        found = [*check.walk(read_chain(ctx)), *check.end(ChainLink(head.sequence, head.hash))]
    assert found == []
    return check.count == len(trail(ctx)) > 0


def note(session: Session, action: str = "test.act", **detail: Any) -> None:
    audit.record_as(session, ADMIN, action, "test", "1", **detail)


def test_an_event_says_who_did_what_to_what_from_where(ctx: Context) -> None:
    caller = Principal(
        "usr_7", "ada", kind=ActorKind.TOKEN, address="2001:db8::7", request_id="req-7"
    )
    with perform(ctx, caller) as work:
        audit.record(work, "stack.change", "stack", "stk_1", project_id="prj_1", a=[1])
    row = trail(ctx)[-1]
    assert (row.actor, row.actor_id, row.actor_kind) == ("ada", "usr_7", "token")
    assert (row.address, row.request_id, row.project_id) == ("2001:db8::7", "req-7", "prj_1")
    assert (row.action, row.object_type, row.object_id) == ("stack.change", "stack", "stk_1")
    assert row.detail == {"a": [1]}
    assert abs((utc_now() - row.at).total_seconds()) < 5
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        audit.record(work, "keys.rotate", "key", "k1")
    assert (trail(ctx)[-1].actor_kind, trail(ctx)[-1].address) == ("system", None)
    assert is_whole(ctx)


def test_a_change_that_is_rolled_back_leaves_no_event(ctx: Context) -> None:
    before = len(trail(ctx))

    def fail() -> None:
        with ctx.write() as session:
            note(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(trail(ctx)) == before
    with ctx.write() as session:
        note(session)
    assert len(trail(ctx)) == before + 1
    assert is_whole(ctx)


def test_events_of_one_transaction_keep_their_order(ctx: Context) -> None:
    with ctx.write() as session:
        for number in range(5):
            note(session, number=number)
    assert [row.detail["number"] for row in trail(ctx)[-5:]] == [0, 1, 2, 3, 4]
    assert is_whole(ctx)


def test_a_change_that_fails_at_its_end_leaves_the_chain_as_it_was(ctx: Context) -> None:
    before = len(trail(ctx))

    def fail() -> None:
        with ctx.write() as session:
            note(session)
            for number in range(2):
                session.add(Project(id=f"prj_{number}", name="twice", created_at=utc_now()))

    with pytest.raises(IntegrityError):
        fail()
    with ctx.write() as session:
        note(session)
    assert len(trail(ctx)) == before + 1
    assert is_whole(ctx)


def test_whatever_a_detail_holds_its_hash_stays_true(ctx: Context) -> None:
    with ctx.write() as session:
        note(
            session,
            texts=["é", "\u2028", "'; DROP TABLE audit_events; --", "\x00", '"'],
            numbers=[0.1, -0.0, 10**30, 1e300],
            nested={"b": {"a": None}, "a": [[], {}]},
            moment=utc_now(),
        )
    assert is_whole(ctx)


def test_writers_at_once_make_one_chain_without_gaps(ctx: Context) -> None:
    barrier, before = threading.Barrier(WRITERS), len(trail(ctx))

    def write(writer: int) -> None:
        barrier.wait()
        for number in range(EACH):
            with ctx.write() as session:
                note(session, writer=writer, number=number)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    rows = trail(ctx)[before:]
    assert [row.sequence for row in rows] == list(range(before + 1, before + WRITERS * EACH + 1))
    for writer in range(WRITERS):
        mine = [row.detail["number"] for row in rows if row.detail["writer"] == writer]
        assert mine == list(range(EACH))
    assert is_whole(ctx)


def test_the_chain_makes_no_deadlock_with_locks_that_are_taken_before_and_after_an_event(
    ctx: Context,
) -> None:
    stacks = [create(ctx, f"net-{number}").id for number in range(3)]
    barrier = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        """Record first, lock afterwards: were the chain held from the event on, this would wait
        for one that holds the stack and waits for the chain."""
        barrier.wait()
        for number in range(EACH):
            with ctx.write() as session:
                if writer % 2:
                    note(session)
                stack_id = stacks[(writer + number) % 3]
                stack = session.get_one(Stack, stack_id, with_for_update={"of": Stack})
                stack.version += 1
                if not writer % 2:
                    note(session)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert is_whole(ctx)


@pytest.fixture
def old_database(request: pytest.FixtureRequest, make_settings: MakeSettings) -> Iterator[Database]:
    """A database as it was before the trail was a chain, with events in it."""
    if request.config.getoption("--database") == "sqlite":
        settings = make_settings()
        settings.home_dir.mkdir(parents=True)
        database, drop = Database(settings.database), None
    else:
        server: Server = request.getfixturevalue("postgresql_server")
        name = server.create_database("template0")
        database, drop = Database(server.url(name)), lambda: server.drop_database(name)
    with database.engine.connect() as plain:
        connection = plain.execution_options(landform_write=True)
        with connection.begin():
            command.upgrade(_config(connection), "0004")
            insert = text(
                "INSERT INTO audit_events (id, at, actor, action, object_type, object_id, "
                "project_id, request_id, detail) VALUES (:id, '2026-11-23 08:00:00.000123', "
                ":actor, 'stack.create', 'stack', 'stk_1', NULL, 'r', :detail)"
            )
            for number in range(2345):
                actor = "system" if number % 2 else "ada"
                detail = f'{{"number": {number}, "name": "\\u00e9"}}'
                values = {"id": f"evt_{number:05}", "actor": actor, "detail": detail}
                connection.execute(insert, values)
    yield database
    database.close()
    if drop is not None:
        drop()


def test_events_of_before_are_chained_in_their_order(old_database: Database) -> None:
    upgrade(old_database)
    with old_database.read() as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
        head = session.get_one(AuditHead, audit.HEAD)
        assert [row.id for row in rows] == [f"evt_{number:05}" for number in range(2345)]
        assert {(row.actor, row.actor_kind) for row in rows} == {
            ("system", "system"),
            ("ada", "user"),
        }
        check = ChainCheck()
        events = [chained(row) for row in rows]
        assert [*check.walk(events), *check.end(ChainLink(head.sequence, head.hash))] == []
        assert list(ChainCheck().walk([replace(events[0], request_id="x")])) != []
