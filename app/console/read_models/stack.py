"""What the pages of one stack show; each tab has the same header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import KindBlueprint
from app.clock import utc_now
from app.console.charts import FULL
from app.console.read_models.drift import DriftedStack, describe_stack
from app.console.read_models.findings import Finding
from app.console.read_models.rows import OperationRow, StackRow
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.models import DriftReport, Stack, StackLock
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.finding_lists import FindingFilter, findings_of, list_findings
from app.services.fleet import TROUBLED
from app.services.inventory import (
    OperationFilter,
    latest_reports,
    list_drift_reports,
    list_operations,
)
from app.services.lookup import stack_by_id
from app.services.operation_lists import last_failed_of, unfinished_of
from app.services.operation_queue import lock_of
from app.services.pages import PageRequest
from app.services.references import living_users
from app.services.schedules import next_check
from app.services.secrets import open_parameters

MASK = "********"
LAST_OPERATIONS = 6
GONE_FINDINGS = 20


@dataclass(frozen=True)
class StackHeader:
    """What every tab shows. ``unfinished`` is in the order in which the operations run.

    ``cause`` is the operation that left a stack failed, or in need of a person.
    """

    stack: StackRow
    cause: OperationRow | None
    unfinished: list[OperationRow]
    drift_checked_at: datetime | None
    next_check_at: datetime | None
    lock: StackLock | None
    may_write: bool

    @property
    def is_deleted(self) -> bool:
        """Tell whether only the history is left."""
        return self.stack.status == StackStatus.DELETED


@dataclass(frozen=True)
class Value:
    """A parameter or an output; a sensitive one is masked already."""

    name: str
    title: str
    value: Any
    unit: str
    is_sensitive: bool
    description: str
    stack_id: str | None = None


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


@dataclass(frozen=True)
class TimelineEntry:
    """An operation, and how long it took: its share of the longest one beside it, 0 to 1000."""

    row: OperationRow
    share: int


@dataclass(frozen=True)
class StackOperationsPage:
    """The tab of operations."""

    header: StackHeader
    entries: list[TimelineEntry]
    next_cursor: str | None


@dataclass(frozen=True)
class StackDriftPage:
    """The tab of drift: what differs now, what is over, and the reports, newest first."""

    header: StackHeader
    drifted: DriftedStack
    gone: list[Finding]
    reports: list[DriftReport]
    next_cursor: str | None


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


def read_stack_operations(
    ctx: Context, principal: Principal, stack_id: str, page: PageRequest
) -> StackOperationsPage:
    """Read the tab of operations."""
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        found = list_operations(session, principal, OperationFilter(stack_id=stack_id), page)
        rows = [OperationRow.of(item) for item in found.items]
        header = stack_header(ctx, session, principal, stack)
        return StackOperationsPage(header, as_timeline(rows), found.next_cursor)


def as_timeline(rows: Sequence[OperationRow]) -> list[TimelineEntry]:
    """Compare how long operations took; one that runs is measured until now."""
    now = utc_now()
    seconds = [
        ((row.ended_at or now) - row.started_at).total_seconds() if row.started_at else 0.0
        for row in rows
    ]
    longest = max(seconds, default=0.0) or 1.0
    return [
        TimelineEntry(row, round(FULL * took / longest))
        for row, took in zip(rows, seconds, strict=True)
    ]


def read_stack_drift(
    ctx: Context, principal: Principal, stack_id: str, page: PageRequest
) -> StackDriftPage:
    """Read the tab of drift."""
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        found = list_drift_reports(session, principal, stack_id, page)
        latest = latest_reports(session, [stack]).get(stack_id)
        over = FindingFilter(stack=stack_id, gone=True)
        gone = list_findings(session, principal, over, PageRequest(GONE_FINDINGS)).items
        return StackDriftPage(
            header=stack_header(ctx, session, principal, stack),
            drifted=describe_stack(ctx, principal, stack, latest, findings_of(session, [stack_id])),
            gone=[Finding.of(row, principal) for row in gone],
            reports=list(found.items),
            next_cursor=found.next_cursor,
        )


def stack_header(ctx: Context, session: Session, principal: Principal, stack: Stack) -> StackHeader:
    """Read what every tab begins with."""
    cause = last_failed_of(session, stack.id) if stack.status in TROUBLED else None
    return StackHeader(
        stack=StackRow.of(stack, ctx.catalog),
        cause=OperationRow.of(cause) if cause is not None else None,
        unfinished=[OperationRow.of(item) for item in unfinished_of(session, stack.id)],
        drift_checked_at=stack.drift_checked_at,
        next_check_at=next_check(stack),
        lock=lock_of(session, stack.id),
        may_write=principal.has(Right.STACK_WRITE, stack.project_id),
    )


def masked_parameters(ctx: Context, stack: Stack) -> list[Value]:
    """Return the parameters of a stack, sensitive ones masked."""
    blueprint = ctx.catalog.find(stack.kind, stack.blueprint_version)
    if blueprint is None:  # its blueprint left the catalogue; secrets are kept apart
        return [_parameter(name, {}, value, stack) for name, value in stack.parameters.items()]
    masked = _masked(ctx, blueprint, stack)
    schemas = blueprint.parameters["properties"]
    return [_parameter(name, schemas[name], masked.get(name), stack) for name in schemas]


def _masked(ctx: Context, blueprint: KindBlueprint, stack: Stack) -> dict[str, Any]:
    secret = open_parameters(ctx.keys, stack)
    return blueprint.mask(blueprint.merge_sensitive(stack.parameters, secret))


def _parameter(name: str, schema: dict[str, Any], value: Any, stack: Stack) -> Value:
    targets = {link.parameter: link.target for link in stack.references}
    target = targets.get(name)
    if isinstance(value, list):
        value = [
            targets[place].name if (place := f"{name}/{n}") in targets else item
            for n, item in enumerate(value)
        ]
    return Value(
        name=name,
        title=schema.get("title", name),
        value=target.name if target else value,
        unit=schema.get("x-unit", ""),
        is_sensitive=bool(schema.get("writeOnly")) and value is not None,
        description=schema.get("description", ""),
        stack_id=target.id if target else None,
    )


def _outputs(ctx: Context, stack: Stack) -> list[Value]:
    blueprint = ctx.catalog.find(stack.kind, stack.blueprint_version)
    specs = blueprint.outputs if blueprint else {}
    return [
        Value(
            name=output.name,
            title=output.name,
            value=MASK if output.is_sensitive else output.value,
            unit="",
            is_sensitive=output.is_sensitive,
            description=specs[output.name].description if output.name in specs else "",
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
