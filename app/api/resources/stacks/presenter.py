"""Turn stacks into the values that the API answers with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from app.api.http.blueprint import PREFIX
from app.catalog.catalog import Catalog
from app.clock import rfc3339
from app.domain.permissions import Right
from app.exact_json import places_beyond_floats
from app.models import Stack, StackReference
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.missing import missing_outputs
from app.services.schedules.next_check import next_check
from app.services.secrets import open_parameters, output_value

MASK = "********"


def present_stack(ctx: Context, principal: Principal, row: Stack) -> dict[str, Any]:
    """Return a stack; sensitive outputs only to who may read secrets."""
    newest = ctx.catalog.kinds.get(row.kind)
    given, missing = _parameters(ctx, row), missing_outputs(ctx.keys, row)
    shown = present_outputs(ctx, principal, row, missing)
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
        "parameters": given,
        "outputs": shown,
        "missing_outputs": sorted(missing),
        "inexact": sorted({*places_beyond_floats(shown), *places_beyond_floats(given)}),
        "labels": row.labels,
        "auto_apply": row.auto_apply,
        "state_backend": row.state_backend,
        "status": row.status,
        "status_reason": row.status_reason,
        "pending_changes": row.has_pending_changes and row.deleted_at is None,
        "drift": _drift(row),
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


def _parameters(ctx: Context, row: Stack) -> dict[str, Any]:
    """Return the parameters of a stack with sensitive ones masked."""
    blueprint = ctx.catalog.find(row.kind, row.blueprint_version)
    if blueprint is None:
        return row.parameters  # its blueprint left the catalog; what is public stays readable
    whole = blueprint.merge_sensitive(row.parameters, open_parameters(ctx.keys, row))
    return blueprint.mask(whole)


def present_outputs(
    ctx: Context, principal: Principal, row: Stack, missing: Collection[str]
) -> dict[str, Any]:
    """Return the outputs by name, but for those that tell of what is missing in the cloud.

    A sensitive one is masked unless the caller may read it.
    """
    may_read = principal.has(Right.SECRET_READ, row.project_id)
    return {
        item.name: output_value(ctx.keys, item) if may_read or not item.is_sensitive else MASK
        for item in row.outputs
        if item.name not in missing
    }


def _drift(row: Stack) -> dict[str, Any]:
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
