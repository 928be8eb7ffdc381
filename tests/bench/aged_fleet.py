"""A fleet after a month of work: most of it in order, some of it in every kind of trouble.

``tests.bench.fleet`` makes the stacks; their history is written here, most of it straight into SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from app.clock import utc_now
from app.domain import ids
from app.domain.operations import StepName
from app.models import (
    DriftDay,
    DriftReport,
    Operation,
    OperationStep,
    Project,
    Stack,
    StackReference,
)
from app.services import audit
from app.services.context import Context
from app.services.drift.findings import findings_of, keep_findings
from app.services.drift.health import record_pulse
from tests.bench.fleet import fill
from tests.console.fleet_examples import Fleet, Made, attribute, change, updated
from tests.console.stacks.test_resources import block, state
from tests.landform import ADMIN
from tests.plan_counts import counts

DAYS = 30
USERS = 20
CHANGES = 500
LINES = 2000
RESOURCES, SUBNETS = 200, 20
REGIONS = ("eu-west", "eu-north", "us-east", "us-west", "asia-east")
ENDINGS = (("plan", "planned_and_finished"), ("drift_check", "planned_and_finished"))
OUTCOMES = ("applied",) * 17 + ("errored", "canceled", "discarded")
CAUSES = ("size", "tags.team", "cidr", "rules[0].port", "versioning", "retention_days")


@dataclass(frozen=True)
class Aged:
    """Where to look: a stack that others use, an operation that ran, what is large."""

    stack_id: str
    operation_id: str
    large_plan_id: str
    large_stack_id: str


def make_aged_fleet(ctx: Context, count: int) -> Aged:
    """Make ``count`` networks, at least 50, with what a month leaves behind."""
    first = fill(ctx, count)
    with ctx.db.write() as session:
        stacks = session.scalars(select(Stack.id).order_by(Stack.name.desc())).all()
        others = [stack_id for stack_id in stacks if stack_id != first]
        _spread(session, others)
        operation = _add_operations(session, [first, *others])
        _add_drift(session, others[5::20])
        _add_days(session, count)
        _add_users(session, first, others[:USERS])
    _add_audit(ctx, [first, *others])
    record_pulse(ctx)
    _add_large_state(ctx, others[1])
    return Aged(first, operation, _add_large_plan(ctx, others[0]), others[1])


def _spread(session: Session, stacks: Sequence[str]) -> None:
    """Let 1 stack in 100 have failed, as many be busy, 5 % have drifted, 1 % be unknown."""
    rows = []
    for number, stack_id in enumerate(stacks):
        status = {7: "failed", 57: "needs_attention", 3: "updating"}.get(number % 100, "ready")
        drift = "unknown" if number % 100 == 11 else "drifted" if number % 20 == 5 else "in_sync"
        rows.append(
            {
                "id": stack_id,
                "region": REGIONS[number % len(REGIONS)],
                "status": status,
                "status_reason": "Quota reached." if status == "failed" else None,
                "drift_status": drift,
                "drift_checked_at": utc_now(),
            }
        )
    session.execute(update(Stack), rows)


def _add_operations(session: Session, stacks: Sequence[str]) -> str:
    """Give each stack four more operations over the month; return one that was applied last."""
    template = dict(session.execute(select(Operation.__table__).limit(1)).mappings().one())
    start = utc_now() - timedelta(days=DAYS)
    rows, steps = [], []
    for number, stack_id in enumerate(stacks):
        for turn in range(4):
            moment = start + timedelta(days=DAYS * (4 * number + turn) / (4 * len(stacks)))
            type_, status = ENDINGS[turn % 2]
            if turn > 1:
                type_, status = "apply", OUTCOMES[(number + turn) % len(OUTCOMES)]
            rows.append(_operation(template, stack_id, type_, status, moment))
            steps += _steps(rows[-1]["id"], moment)
        if number % 100 == 3:
            rows.append(_operation(template, stack_id, "apply", "applying", utc_now()))
            rows[-1]["ended_at"] = None
    session.execute(insert(Operation), rows)
    session.execute(insert(OperationStep), steps)
    return next(str(row["id"]) for row in reversed(rows) if row["status"] == "applied")


def _operation(
    template: dict[str, Any], stack_id: str, type_: str, status: str, moment: datetime
) -> dict[str, Any]:
    return {
        **template,
        "id": f"{ids.OPERATION}_{str(ULID.from_datetime(moment)).lower()}",
        "stack_id": stack_id,
        "type": type_,
        "status": status,
        "created_at": moment,
        "started_at": moment,
        "ended_at": moment + timedelta(seconds=42),
        "has_applied": type_ == "apply",
        "plan_summary": counts(add=3, change=1),
    }


def _steps(operation_id: str, moment: datetime) -> list[dict[str, Any]]:
    return [
        {
            "operation_id": operation_id,
            "name": name,
            "status": "done",
            "started_at": moment + timedelta(seconds=number),
            "ended_at": moment + timedelta(seconds=number + 1),
        }
        for number, name in enumerate(StepName)
    ]


def _add_drift(session: Session, drifted: Sequence[str]) -> None:
    now = utc_now()
    for number, stack_id in enumerate(drifted):
        stack = session.get_one(Stack, stack_id)
        operation = session.scalars(
            select(Operation.id).where(Operation.stack_id == stack_id).limit(1)
        ).one()
        path = CAUSES[number % len(CAUSES)]
        changes = [updated(f"sandbox_subnet.n{n}", path, "a", "b") for n in range(2)]
        report = DriftReport(
            id=ids.new_id(ids.DRIFT_REPORT),
            stack_id=stack_id,
            operation_id=operation,
            checked_at=now,
            status="drifted",
            changes=changes,
            digest="a",
        )
        session.add(report)
        findings = findings_of(session, [stack.id])[stack.id]
        keep_findings(session, stack, report, changes, findings)
        stack.drift_report_id, stack.drift_since = report.id, now


def _add_days(session: Session, count: int) -> None:
    project = session.scalars(select(Project.id)).one()
    today = utc_now().date()
    session.add_all(
        DriftDay(
            project_id=project,
            day=today - timedelta(days=before),
            in_sync=count - before - 1,
            drifted=before,
            unknown=1,
        )
        for before in range(1, DAYS)
    )


def _add_users(session: Session, target: str, users: Sequence[str]) -> None:
    rows = [{"stack_id": user, "parameter": "network", "target_id": target} for user in users]
    session.execute(insert(StackReference), rows)


def _add_audit(ctx: Context, stacks: Sequence[str]) -> None:
    """Append to the chain as the services do: three events a stack."""
    with ctx.db.write() as session:
        project = session.scalars(select(Project.id)).one()
        for action in ("stack.create", "stack.change", "operation.request"):
            for stack_id in stacks:
                audit.record_as(
                    session, ADMIN, action, "stack", stack_id, project_id=project, kind="network"
                )


def _add_large_plan(ctx: Context, stack_id: str) -> str:
    """Let a plan of many changes wait for approval, with a long log; return its operation."""
    fleet = Fleet(ctx, ADMIN)
    with ctx.db.write() as session:
        template = dict(session.execute(select(Operation.__table__).limit(1)).mappings().one())
        row = _operation(template, stack_id, "apply", "planned", utc_now())
        session.execute(insert(Operation), [{**row, "ended_at": None, "has_applied": False}])
    operation_id = str(row["id"])
    sizes = [attribute(f"a{number}", "x" * 30, "y" * 30) for number in range(6)]
    changes = [change("update", f"sandbox_machine.n{number}", *sizes) for number in range(CHANGES)]
    fleet.plan(operation_id, changes, change=CHANGES)
    fleet.events(operation_id, [{"message": f"Refreshing number {n}"} for n in range(LINES)])
    return operation_id


def _add_large_state(ctx: Context, stack_id: str) -> None:
    """Let a stack consist of many machines in 20 subnets of a network."""
    with ctx.db.read() as session:
        query = select(Operation.id).where(Operation.stack_id == stack_id).limit(1)
        made = Made(stack_id, session.scalars(query).one())
    network = "sandbox_network.this"
    blocks = [block("sandbox_network", "this")]
    blocks += [block("sandbox_subnet", f"s{n}", needs=(network,)) for n in range(SUBNETS)]
    blocks += [
        block("sandbox_machine", f"m{n}", needs=(f"sandbox_subnet.s{n % SUBNETS}",))
        for n in range(RESOURCES - SUBNETS - 1)
    ]
    Fleet(ctx, ADMIN).state(made, state(*blocks))
