"""What the first tab of a stack shows: parameters, outputs, references, last operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.console.shell.rows import OperationRow
from app.console.stacks.read_header import StackHeader, stack_header
from app.console.stacks.read_values import Value, masked_parameters
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.missing import missing_outputs
from app.services.lookup import stack_by_id
from app.services.operations.queries import OperationFilter, list_operations
from app.services.paging import PageRequest
from app.services.stacks.references import living_users

MASK = "********"
LAST_OPERATIONS = 6


@dataclass(frozen=True)
class Link:
    """A reference to or from another stack through ``parameter``."""

    stack_id: str
    name: str
    kind: str
    parameter: str
    status: str


@dataclass(frozen=True)
class StackOverviewPage:
    """The first tab."""

    header: StackHeader
    parameters: list[Value]
    outputs: list[Value]
    uses: list[Link]
    used_by: list[Link]
    labels: dict[str, str]
    auto_apply: str
    deletion_protection: bool
    expires_at: datetime | None
    drift_interval_seconds: int | None
    drift_cron: str | None
    blueprint_version: str
    operations: list[OperationRow]


def read_stack_overview(ctx: Context, principal: Principal, stack_id: str) -> StackOverviewPage:
    """Read the first tab.

    Raises:
        NotFoundError: no such stack, or the caller cannot see it.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        schedule = stack.schedule
        recent = list_operations(
            session, principal, OperationFilter(stack_id=stack_id), PageRequest(LAST_OPERATIONS)
        )
        return StackOverviewPage(
            header=stack_header(ctx, session, principal, stack),
            parameters=masked_parameters(ctx, stack),
            outputs=_outputs(ctx, stack),
            uses=[_link(item.target, item.parameter) for item in stack.references],
            used_by=_users(stack),
            labels={name: str(value) for name, value in sorted(stack.labels.items())},
            auto_apply=stack.auto_apply,
            deletion_protection=stack.deletion_protection,
            expires_at=stack.expires_at,
            drift_interval_seconds=schedule.interval_seconds if schedule.is_enabled else None,
            drift_cron=schedule.cron,
            blueprint_version=stack.blueprint_version,
            operations=[OperationRow.of(item) for item in recent.items],
        )


def _outputs(ctx: Context, stack: Stack) -> list[Value]:
    blueprint = ctx.catalog.find(stack.kind, stack.blueprint_version)
    specs = blueprint.outputs if blueprint else {}
    missing = missing_outputs(ctx.keys, stack)
    return [
        Value(
            name=output.name,
            title=output.name,
            value=MASK if output.is_sensitive else output.value,
            unit="",
            is_sensitive=output.is_sensitive,
            description=specs[output.name].description if output.name in specs else "",
            is_missing=output.name in missing,
        )
        for output in stack.outputs
    ]


def _users(stack: Stack) -> list[Link]:
    alive = {user.id for user in living_users(stack)}
    return [
        _link(link.stack, link.parameter) for link in stack.referenced_by if link.stack_id in alive
    ]


def _link(stack: Stack, parameter: str) -> Link:
    return Link(stack.id, stack.name, stack.kind, parameter, stack.status)
