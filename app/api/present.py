"""Turn models into the plain values that the API answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog
from app.clock import rfc3339
from app.domain.operations import OperationStatus, can_cancel
from app.domain.permissions import Right
from app.models import Operation, OperationEvent, Stack, StackReference, StateVersion
from app.services.access import Principal
from app.services.context import Context
from app.services.operation_waits import waiting_for, waits_of
from app.services.schedules import next_check
from app.services.secrets import open_parameters, output_value

MASK = "********"
PREFIX = "/api/v1"


def stack(ctx: Context, principal: Principal, row: Stack) -> dict[str, Any]:
    """Return a stack; sensitive outputs only to who may read secrets."""
    newest = ctx.catalog.kinds.get(row.kind)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "blueprint_version": row.blueprint_version,
        "applied_blueprint_version": row.applied_blueprint_version,
        "newest_blueprint_version": newest.version if newest else None,
        "project": {"id": row.project.id, "name": row.project.name},
        "cloud_account": {"id": row.cloud_account.id, "name": row.cloud_account.name},
        "cloud": row.cloud,
        "region": row.region,
        "parameters": parameters(ctx, row),
        "outputs": outputs(ctx, principal, row),
        "labels": row.labels,
        "auto_apply": row.auto_apply,
        "state_backend": row.state_backend,
        "status": row.status,
        "status_reason": row.status_reason,
        "pending_changes": row.has_pending_changes and row.deleted_at is None,
        "drift": drift(row),
        "references": {
            "uses": [_reference(link, link.target) for link in row.references],
            "used_by": [
                _reference(link, link.stack)
                for link in row.referenced_by
                if link.stack.deleted_at is None
            ],
        },
        "deletion_protection": row.deletion_protection,
        "expires_at": rfc3339(row.expires_at),
        "on_expiry": row.on_expiry,
        "created_at": rfc3339(row.created_at),
        "created_by": row.created_by,
        "updated_at": rfc3339(row.updated_at),
        "deleted_at": rfc3339(row.deleted_at),
        "links": _stack_links(ctx.catalog, row),
    }


def parameters(ctx: Context, row: Stack) -> dict[str, Any]:
    """Return the parameters of a stack with sensitive ones masked."""
    blueprint = ctx.catalog.find(row.kind, row.blueprint_version)
    if blueprint is None:
        return row.parameters  # its blueprint left the catalogue; what is public stays readable
    whole = blueprint.merge_sensitive(row.parameters, open_parameters(ctx.keys, row))
    return blueprint.mask(whole)


def outputs(ctx: Context, principal: Principal, row: Stack) -> dict[str, Any]:
    """Return the outputs by name; a sensitive one is masked unless the caller may read it."""
    may_read = principal.has(Right.SECRET_READ, row.project_id)
    return {
        item.name: output_value(ctx.keys, item) if may_read or not item.is_sensitive else MASK
        for item in row.outputs
    }


def drift(row: Stack) -> dict[str, Any]:
    """Return what is known about drift of a stack, and how it is watched."""
    return {
        "status": row.drift_status,
        "reason": row.drift_reason,
        "since": rfc3339(row.drift_since),
        "checked_at": rfc3339(row.drift_checked_at),
        "next_check_at": rfc3339(next_check(row)),
        "report_id": row.drift_report_id,
        "enabled": row.schedule.is_enabled,
        "interval_seconds": row.schedule.interval_seconds,
        "cron": row.schedule.cron,
        "follow_project": row.schedule.follows_project,
        "paused_by_project": not row.project.drift_enabled,
        "failures": row.schedule.failures,
        "auto_reconcile": _auto_reconcile(row.schedule.auto_reconcile),
    }


def _auto_reconcile(kept: dict[str, Any] | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    return {
        "changes": kept["changes"],
        "per_day": kept["per_day"],
        "off_since": kept.get("off_since"),
        "off_reason": kept.get("off_reason"),
        "held_back": kept.get("held_back"),
    }


def operation(session: Session, row: Operation) -> dict[str, Any]:
    """Return an operation with its steps and the reason why it waits, if it does."""
    return _operation(row, waiting_for(session, row))


def operations(session: Session, rows: Sequence[Operation]) -> Callable[[Operation], Any]:
    """Return what presents each of ``rows``, having asked for all their waits at once."""
    waits = waits_of(session, rows)
    return lambda row: _operation(row, waits.get(row.id))


def _operation(row: Operation, waits: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "status": row.status,
        "stack_id": row.stack_id,
        "requested_by": row.requested_by,
        "created_at": rfc3339(row.created_at),
        "started_at": rfc3339(row.started_at),
        "ended_at": rfc3339(row.ended_at),
        "transitions": row.transitions,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "started_at": rfc3339(step.started_at),
                "ended_at": rfc3339(step.ended_at),
                "detail": step.detail,
            }
            for step in row.steps
        ],
        "blueprint_version": row.blueprint_version,
        "plan": row.plan_summary,
        "waiting_for": waits,
        "approved_by": row.approved_by,
        "cancel_requested_by": row.cancel_requested_by,
        "error": row.error,
        "possibly_orphaned": row.possibly_orphaned,
        "resolution": row.resolution,
        "links": _operation_links(row),
    }


def event(row: OperationEvent) -> dict[str, Any]:
    """Return one event of an operation."""
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "type": row.type,
        "level": row.level,
        "message": row.message,
        "data": row.data,
    }


def state_version(row: StateVersion) -> dict[str, Any]:
    """Return what is known of a state version, without its bytes."""
    return {
        "serial": row.serial,
        "lineage": row.lineage,
        "sha256": row.sha256,
        "size_bytes": row.size_bytes,
        "terraform_version": row.terraform_version,
        "operation_id": row.operation_id,
        "created_at": rfc3339(row.created_at),
        "created_by": row.created_by,
    }


def _reference(link: StackReference, other: Stack) -> dict[str, Any]:
    return {"id": other.id, "name": other.name, "kind": other.kind, "parameter": link.parameter}


def _stack_links(catalog: Catalog, row: Stack) -> dict[str, str]:
    base = f"{PREFIX}/stacks/{row.id}"
    links = {
        "self": base,
        "operations": f"{base}/operations",
        "resources": f"{base}/resources",
        "state_versions": f"{base}/state-versions",
        "drift_reports": f"{base}/drift-reports",
        "page": f"/stacks/{row.id}",
    }
    if row.kind in catalog.kinds:
        links["typed"] = f"{PREFIX}/{catalog.kind(row.kind).plural}/{row.id}"
    return links


def _operation_links(row: Operation) -> dict[str, str]:
    base = f"{PREFIX}/operations/{row.id}"
    links = {
        "self": base,
        "stack": f"{PREFIX}/stacks/{row.stack_id}",
        "events": f"{base}/events",
        "log": f"{base}/log",
        "page": f"/operations/{row.id}",
    }
    if row.plan_summary is not None:
        links["plan"] = f"{base}/plan"
    status = OperationStatus(row.status)
    if status is OperationStatus.PLANNED and row.approved_at is None:
        links |= {"approve": f"{base}/approve", "discard": f"{base}/discard"}
    if status is OperationStatus.INTERRUPTED and row.resolution is None:
        links["resolve"] = f"{base}/resolve"
    if can_cancel(status):
        links["cancel"] = f"{base}/cancel"
    return links
