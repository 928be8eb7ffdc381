"""A whole Landform in one process: database, volume, catalog and engine, no web, no Redis.

Tests ask for work as a client would and carry it out by calling the engine, as a worker would.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.config.settings import Settings
from app.domain.operations import OperationType
from app.models import Base, Operation, OperationEvent, Stack, StateVersion
from app.services.access import Principal
from app.services.context import Context, build_context
from app.services.engine.engine import Engine
from app.services.installation.setup import prepare
from app.services.operations import control
from app.services.queue.waits import waiting_for
from app.services.stacks.create import NewStack, create_stack
from app.services.work import perform
from tests.sandbox_cloud import Cloud

ADMIN = Principal(id="usr_test", name="admin", is_admin=True)
NOWHERE = "unix:///nonexistent/landform-test-redis.sock"


class Landform:
    """The use cases and the engine on a home of its own."""

    def __init__(self, settings: Settings, cloud: Cloud) -> None:
        prepare(settings, cloud.token)
        self.settings = settings
        self.cloud = cloud
        self.ctx: Context = build_context(settings)
        self.engine = Engine(self.ctx)

    def use(self, ctx: Context) -> None:
        """Go on as a process with other settings would, on the same database and volume."""
        self.ctx.db.close()
        self.ctx, self.engine = ctx, Engine(ctx)

    def close(self) -> None:
        self.ctx.db.close()
        self.cloud.close()

    def create(self, kind: str, name: str, **more: Any) -> tuple[Stack, Operation]:
        """Ask for a stack on the sandbox."""
        wanted = NewStack(kind=kind, name=name, project="default", cloud_account="sandbox", **more)
        with perform(self.ctx, ADMIN) as work:
            return create_stack(work, wanted)

    def made(self, kind: str, name: str, **more: Any) -> Stack:
        """Ask for a stack, carry it out and return it ready."""
        stack, operation = self.create(kind, name, **more)
        done = self.carry_out(operation)
        assert done.status == "applied", done.error
        return self.stack(stack.id)

    def request(self, stack: Stack, kind: OperationType) -> Operation:
        """Ask for an operation on a stack."""
        with perform(self.ctx, ADMIN) as work:
            return control.request_operation(work, stack.id, kind)[1]

    def carry_out(self, operation: Operation) -> Operation:
        """Do what a worker does with the operation, and return it afterwards."""
        self.engine.carry_out(operation.id)
        return self.operation(operation.id)

    def perform(self, stack: Stack, kind: OperationType) -> Operation:
        """Ask for an operation and carry it out."""
        return self.carry_out(self.request(stack, kind))

    def operation(self, operation_id: str) -> Operation:
        with self.ctx.read() as session:
            return session.get_one(Operation, operation_id)

    def stack(self, stack_id: str) -> Stack:
        with self.ctx.read() as session:
            return session.get_one(Stack, stack_id)

    def state_versions(self, stack: Stack) -> list[StateVersion]:
        with self.ctx.read() as session:
            query = select(StateVersion).where(StateVersion.stack_id == stack.id)
            return list(session.scalars(query.order_by(StateVersion.serial)))

    def messages(self, operation: Operation) -> list[str]:
        with self.ctx.read() as session:
            query = select(OperationEvent.message).where(
                OperationEvent.operation_id == operation.id
            )
            return list(session.scalars(query.order_by(OperationEvent.id)))

    def everything_in_sql(self) -> str:
        """Return the text of every row of every table."""
        with self.ctx.read() as session:
            tables = Base.metadata.sorted_tables
            return repr([session.execute(select(table)).all() for table in tables])

    def waiting_for(self, operation: Operation) -> dict[str, Any] | None:
        with self.ctx.read() as session:
            return waiting_for(session, session.get_one(Operation, operation.id))

    def pending(self, stack: Stack) -> list[Operation]:
        with self.ctx.read() as session:
            query = select(Operation).where(
                Operation.stack_id == stack.id, Operation.status == "pending"
            )
            return list(session.scalars(query.order_by(Operation.id)))
