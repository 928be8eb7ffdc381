"""A Landform with states, its backup, and an empty place for a second one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.models import Operation, Stack
from app.services.backup.create import create_backup
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.services.state import record
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.services.some_stacks import create, make_ready

LINEAGE = "8d1a5d3e-0000-4000-8000-000000000000"


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings) -> Iterator[Context]:
    """The context of a prepared Landform whose Redis is away."""
    settings = make_prepared_settings(redis_url=NOWHERE)
    prepare(settings, "a token of no cloud")
    made = build_context(settings)
    yield made
    made.db.close()


@pytest.fixture
def stack(ctx: Context) -> Stack:
    """A stack with three state versions."""
    made = create(ctx, "web", cidr="10.7.0.0/16")
    make_ready(ctx, made)
    for serial in (1, 2, 3):
        save(ctx, made.id, serial)
    return made


@pytest.fixture
def folder(ctx: Context, stack: Stack, tmp_path: Path) -> Path:
    """A backup of it."""
    made = tmp_path / "backup"
    create_backup(ctx, made)
    return made


MakeEmpty = Callable[..., Context]


@pytest.fixture
def make_empty(make_settings: MakeSettings, tmp_path: Path) -> Iterator[MakeEmpty]:
    """Return a factory of contexts of a home in which nothing is yet."""
    made: list[Context] = []

    def make(name: str = "second", **overrides: object) -> Context:
        settings = make_settings(home=tmp_path / name, redis_url=NOWHERE, **overrides)
        made.append(build_context(settings))
        if settings.database.startswith("postgresql"):
            with made[-1].db.engine.begin() as connection:  # tests' databases have the schema
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
        return made[-1]

    yield make
    for context in made:
        context.db.close()


def state(serial: int, lineage: str = LINEAGE, **outputs: str) -> bytes:
    """Return a complete state."""
    told = {name: {"value": value, "type": "string"} for name, value in outputs.items()}
    document = {"version": 4, "terraform_version": "1.9.0", "serial": serial, "lineage": lineage}
    return json.dumps({**document, "resources": [], "outputs": told}).encode()


def save(ctx: Context, stack_id: str, serial: int, **outputs: str) -> None:
    """Save a state of a stack as its operation would."""
    store = ctx.state_store(stack_id)
    with ctx.write() as session:
        query = select(Operation).where(Operation.stack_id == stack_id)
        operation = session.scalars(query.order_by(Operation.id.desc())).first()
        assert operation is not None
        record.promote(session, store, operation, state(serial, **outputs))
