"""Stacks and operations in any state, for pages: asked for through the services, then set in SQL.

Running Terraform is not the point of these tests; ``tests/services/engine`` does that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.clock import utc_now
from app.domain import ids
from app.domain.drift_findings import drift_digest
from app.domain.operations import OperationType
from app.domain.permissions import Right
from app.models import (
    DriftReport,
    Operation,
    OperationEvent,
    OperationStep,
    ProjectMember,
    Stack,
    StackOutput,
    StateVersion,
    StoredPlan,
    User,
)
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.findings import findings_of, keep_findings
from app.services.drift.rules import match_rules
from app.services.identity.password_hashing import hash_password
from app.services.lookup import project_by
from app.services.operations.control import request_operation
from app.services.projects.projects import NewProject, create_project
from app.services.secrets import seal_json
from app.services.stacks.create import NewStack, create_stack
from app.services.state import record
from app.services.work import perform
from tests.plan_counts import counts

DONE = ("prepare", "init", "plan", "check", "apply", "save")


@dataclass(frozen=True)
class Made:
    """Ids of a stack and of its first operation."""

    stack_id: str
    operation_id: str


class Fleet:
    """Makes things in the database of ``ctx``."""

    def __init__(self, ctx: Context, principal: Principal) -> None:
        self.ctx = ctx
        self.principal = principal

    def stack(
        self, name: str = "web", kind: str = "network", *, status: str = "ready", **wanted: Any
    ) -> Made:
        """Make a stack; unless it is ``creating``, its first apply has ended."""
        values: dict[str, Any] = {"project": "default", "cloud_account": "sandbox", **wanted}
        columns = {
            key: values.pop(key)
            for key in list(values)
            if hasattr(Stack, key) and key not in NewStack.__dataclass_fields__
        }
        with perform(self.ctx, self.principal) as work:
            stack, operation = create_stack(work, NewStack(kind=kind, name=name, **values))
            made = Made(stack.id, operation.id)
            if status != "creating":
                stack.status, stack.applied_generation = status, stack.generation
                self._end(operation)
            for key, value in columns.items():
                setattr(stack, key, value)
        return made

    def project(self, name: str) -> None:
        """Make a project that may use every cloud account."""
        with perform(self.ctx, self.principal) as work:
            create_project(work, NewProject(name=name))

    def operation(self, stack_id: str, type_: str = "apply", **columns: Any) -> str:
        """Ask for an operation and set ``columns`` of it."""
        with perform(self.ctx, self.principal) as work:
            stack, operation = request_operation(work, stack_id, OperationType(type_))
            operation.generation = stack.generation  # as its claim does; an older plan is stale
            for key, value in columns.items():
                setattr(operation, key, value)
            return operation.id

    def change_operation(self, operation_id: str, **columns: Any) -> None:
        with self.ctx.write() as session:
            operation = session.get_one(Operation, operation_id)
            for key, value in columns.items():
                setattr(operation, key, value)

    def change_stack(self, stack_id: str, **columns: Any) -> None:
        with self.ctx.write() as session:
            stack = session.get_one(Stack, stack_id)
            for key, value in columns.items():
                setattr(stack, key, value)

    def steps(self, operation_id: str, *names: str, last: str = "done") -> None:
        """Record steps of a second each; ``last`` is the status of the last one."""
        start = utc_now() - timedelta(seconds=len(names) + 20)
        with self.ctx.write() as session:
            for number, name in enumerate(names):
                is_last = number == len(names) - 1
                began = start + timedelta(seconds=number)
                session.add(
                    OperationStep(
                        operation_id=operation_id,
                        name=name,
                        status=last if is_last else "done",
                        started_at=began,
                        ended_at=None
                        if is_last and last == "running"
                        else began + timedelta(seconds=1),
                    )
                )

    def events(self, operation_id: str, events: Iterable[dict[str, Any]]) -> list[int]:
        """Record events; each is ``{message, level?, type?, data?}``. Returns their ids."""
        rows = [
            OperationEvent(
                operation_id=operation_id,
                at=utc_now(),
                type=event.get("type", "note"),
                level=event.get("level", "info"),
                message=event["message"],
                data=event.get("data"),
            )
            for event in events
        ]
        with self.ctx.write() as session:
            session.add_all(rows)
            session.flush()
            return [row.id for row in rows]

    def plan(self, operation_id: str, changes: list[dict[str, Any]], **summary: int) -> None:
        """Give an operation a plan."""
        planned = counts(**summary)
        document = {"summary": planned, "changes": changes, "outputs": []}
        sealed = self.ctx.keys.encrypt(json.dumps(document).encode(), f"plan:{operation_id}")
        with self.ctx.write() as session:
            session.get_one(Operation, operation_id).plan_summary = planned
            session.add(
                StoredPlan(operation_id=operation_id, sealed_changes=sealed, created_at=utc_now())
            )

    def drift(
        self, made: Made, status: str, changes: list[dict[str, Any]], reason: str | None = None
    ) -> None:
        """Record a drift report, its findings and its verdict."""
        now = utc_now()
        with self.ctx.write() as session:
            stack = session.get_one(Stack, made.stack_id)
            report = DriftReport(
                id=ids.new_id(ids.DRIFT_REPORT),
                stack_id=stack.id,
                operation_id=made.operation_id,
                checked_at=now,
                status=status,
                reason=reason,
                has_pending_changes=False,
                changes=changes,
            )
            session.add(report)
            if status != "unknown":
                findings = findings_of(session, [stack.id])[stack.id]
                keep_findings(session, stack, report, changes, findings)
                match_rules(session, stack, findings, now)
                report.digest = drift_digest(changes)
            stack.drift_status, stack.drift_since = status, now - timedelta(hours=2)
            stack.drift_checked_at, stack.drift_report_id = now, report.id
            stack.drift_reason = reason

    def output(self, stack_id: str, name: str, value: Any, *, is_sensitive: bool = False) -> None:
        """Record an output."""
        place = f"output:{stack_id}:{name}"
        sealed = seal_json(self.ctx.keys, value, place) if is_sensitive else None
        with self.ctx.write() as session:
            session.add(
                StackOutput(
                    stack_id=stack_id,
                    name=name,
                    value=None if is_sensitive else value,
                    sealed_value=sealed,
                    is_sensitive=is_sensitive,
                    updated_at=utc_now(),
                )
            )

    def state_version(self, made: Made, serial: int) -> str:
        """Record a state version in SQL and return its sha256."""
        sha256 = hashlib.sha256(str(serial).encode()).hexdigest()
        with self.ctx.write() as session:
            session.add(
                StateVersion(
                    id=ids.new_id(ids.STATE_VERSION),
                    stack_id=made.stack_id,
                    serial=serial,
                    lineage="4c9e0d3a-0000-4000-8000-000000000000",
                    sha256=sha256,
                    size_bytes=4321,
                    terraform_version="1.11.4",
                    operation_id=made.operation_id,
                    created_at=utc_now(),
                    created_by="admin",
                )
            )
        return sha256

    def state(self, made: Made, data: bytes) -> None:
        """Make ``data`` the state of record, as the first operation would."""
        with self.ctx.write() as session:
            operation = session.get_one(Operation, made.operation_id)
            record.promote(session, self.ctx.state_store(made.stack_id), operation, data)

    def member(self, name: str, password: str, role: str | None) -> None:
        """Make a user with a role in the default project."""
        with self.ctx.write() as session:
            user = User(
                id=ids.new_id(ids.USER),
                name=name,
                password_hash=hash_password(password),
                is_admin=False,
                created_at=utc_now(),
            )
            session.add(user)
            session.flush()
            if role is not None:
                project = project_by(session, self.principal, "default", Right.STACK_READ)
                session.add(ProjectMember(project_id=project.id, user_id=user.id, role=role))

    @staticmethod
    def _end(operation: Operation) -> None:
        operation.status, operation.has_applied = "applied", True
        operation.started_at = operation.created_at
        operation.ended_at = operation.created_at + timedelta(seconds=42)
        operation.plan_summary = counts(add=3)


def updated(address: str, path: str, before: Any, after: Any) -> dict[str, Any]:
    """A resource that somebody changed outside Landform."""
    return {
        "address": address,
        "name": address.rsplit(".", 1)[-1],
        "type": address.split(".", 1)[0],
        "resource_id": None,
        "change": "updated",
        "severity": "medium",
        "severity_reason": "changed",
        "mending": "update",
        "attributes": [
            {
                "path": path,
                "before": before,
                "after": after,
                "sensitive": False,
                "forces_replacement": False,
            }
        ],
    }


def deleted(address: str, **more: Any) -> dict[str, Any]:
    """A resource that somebody deleted outside Landform."""
    gone = updated(address, "id", "abc", None)
    return {**gone, "change": "deleted", "severity": "high", "mending": "create", **more}


def change(action: str, address: str, *attributes: dict[str, Any]) -> dict[str, Any]:
    """A resource change of a plan, as the engine stores it."""
    return {
        "address": address,
        "action": action,
        "action_reason": None,
        "attributes": list(attributes),
    }


def attribute(path: str, before: Any, after: Any, *, forces: bool = False) -> dict[str, Any]:
    """An attribute of a change."""
    return {
        "path": path,
        "before": before,
        "after": after,
        "sensitive": False,
        "forces_replacement": forces,
    }
