"""Turn policy sets, what they say, and exceptions into the values that the API answers with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.api.http.blueprint import PREFIX
from app.catalog.policy_packs import PolicyPack
from app.clock import rfc3339
from app.domain.policy_results import PolicyResult, effect_of
from app.models import PolicyOverride, PolicySet, PolicySetVersion
from app.services.access import Principal
from app.services.policies.checks import CaseOutcome
from app.services.policies.history import DryRun
from app.services.policies.sets import visible_policies


def present_set(session: Session, principal: Principal, row: PolicySet) -> dict[str, Any]:
    """Return a set as the caller may see it."""
    base = f"{PREFIX}/policies/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "enabled": row.is_enabled,
        "version": row.version,
        "policies": visible_policies(session, principal, row.policies),
        "created_by": row.created_by,
        "created_at": rfc3339(row.created_at),
        "updated_by": row.updated_by,
        "updated_at": rfc3339(row.updated_at),
        "links": {
            "self": base,
            "versions": f"{base}/versions",
            "test": f"{base}/test",
            "dry_run": f"{base}/dry-run",
        },
    }


def present_version(
    session: Session, principal: Principal, row: PolicySetVersion
) -> dict[str, Any]:
    """Return a set as it was."""
    return {
        "version": row.version,
        "enabled": row.is_enabled,
        "policies": visible_policies(session, principal, row.policies),
        "saved_by": row.saved_by,
        "saved_at": rfc3339(row.saved_at),
    }


def present_outcomes(outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    """Return what test cases came to."""
    return {
        "passed": all(outcome.is_passed for outcome in outcomes),
        "tests": [
            {
                "policy": outcome.policy,
                "test": outcome.test,
                "passed": outcome.is_passed,
                "expected": outcome.expected.value,
                "found": outcome.found.value if outcome.found else None,
                "error": outcome.error,
            }
            for outcome in outcomes
        ],
    }


def present_dry_run(run: DryRun) -> dict[str, Any]:
    """Return what a set would have said of past operations."""
    return {
        "examined": run.looked_at,
        "is_cut": run.is_cut,
        "operations": [
            {
                "operation_id": past.operation.id,
                "stack": {"id": past.operation.stack.id, "name": past.operation.stack.name},
                "type": past.operation.type,
                "created_at": rfc3339(past.operation.created_at),
                "verdict": effect_of(past.results).value,
                "results": present_results(past.results),
            }
            for past in run.spoken
        ],
    }


def present_results(results: Sequence[PolicyResult]) -> list[dict[str, Any]]:
    """Return what policies said."""
    return [result.to_dict() for result in results]


def present_pack(pack: PolicyPack) -> dict[str, Any]:
    """Return a pack."""
    return {
        "name": pack.name,
        "title": pack.title,
        "description": pack.description,
        "policies": list(pack.policies),
    }


def present_override(row: PolicyOverride) -> dict[str, Any]:
    """Return an exception."""
    return {
        "id": row.id,
        "policy_set_id": row.set_id,
        "policy": row.policy,
        "project_id": row.project_id,
        "stack": row.stack_name,
        "reason": row.reason,
        "created_by": row.created_by,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
    }
