"""What the pages of policies show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.catalog.policy_packs import PolicyPack, load_packs
from app.domain.permissions import ServiceRight
from app.models import PolicyOverride, PolicySet, Project
from app.services.access import Principal
from app.services.context import Context
from app.services.paging import PageRequest
from app.services.policies.overrides import list_overrides
from app.services.policies.sets import list_policy_sets, policy_set_by_id, visible_policies


@dataclass(frozen=True)
class SetRow:
    """One set, with the policies that the reader may see."""

    id: str
    name: str
    description: str
    status: str
    version: int
    policies: Sequence[Mapping[str, Any]]
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True)
class ExceptionRow:
    """One exception."""

    policy: str
    project: str
    stack: str | None
    reason: str
    created_by: str
    expires_at: datetime


@dataclass(frozen=True)
class PoliciesPage:
    """The sets, the packs to begin with, and the exceptions."""

    sets: list[SetRow]
    next_cursor: str | None
    packs: Sequence[PolicyPack]
    exceptions: list[ExceptionRow]
    may_write: bool


def read_policies_page(ctx: Context, principal: Principal, page: PageRequest) -> PoliciesPage:
    """Read the list of sets."""
    with ctx.read() as session:
        found = list_policy_sets(session, page)
        rows = [
            _row(row, visible_policies(session, principal, row.policies)) for row in found.items
        ]
        overrides = list_overrides(session, principal, PageRequest()).items
        known = {row.project_id for row in overrides}
        named = select(Project).where(Project.id.in_(known))
        names = {project.id: project.name for project in session.scalars(named)}
        return PoliciesPage(
            sets=rows,
            next_cursor=found.next_cursor,
            packs=load_packs(ctx.settings.catalog_root),
            exceptions=[_exception(row, names) for row in overrides],
            may_write=principal.may(ServiceRight.POLICY_WRITE),
        )


def read_set(ctx: Context, principal: Principal, set_id: str) -> SetRow:
    """Read one set.

    Raises:
        NotFoundError: there is none.
    """
    with ctx.read() as session:
        row = policy_set_by_id(session, set_id)
        return _row(row, visible_policies(session, principal, row.policies))


def _row(row: PolicySet, shown: Sequence[Mapping[str, Any]]) -> SetRow:
    return SetRow(
        id=row.id,
        name=row.name,
        description=row.description,
        status="enabled" if row.is_enabled else "disabled",
        version=row.version,
        policies=shown,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )


def _exception(row: PolicyOverride, names: Mapping[str, str]) -> ExceptionRow:
    return ExceptionRow(
        policy=row.policy,
        project=names[row.project_id],
        stack=row.stack_name,
        reason=row.reason,
        created_by=row.created_by,
        expires_at=row.expires_at,
    )
