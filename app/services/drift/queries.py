"""Findings for lists and pages: which there are, as the caller may see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.drift import DriftStatus
from app.domain.permissions import Right
from app.errors import NotFoundError
from app.models import DriftFinding, DriftRule, Project, Stack
from app.services.access import Principal, require, visible
from app.services.lookup import fits, is_project
from app.services.paging import Page, PageRequest, fetch_page


@dataclass(frozen=True)
class FindingFilter:
    """Which findings are wanted; ``None`` does not filter. Those that are gone by ``gone`` only."""

    project: str | None = None
    stack: str | list[str] | None = None
    kind: str | None = None
    cloud: str | None = None
    resource_type: str | None = None
    change: str | None = None
    severity: str | None = None
    cause: str | None = None
    gone: bool = False
    hidden: bool | None = None
    acknowledged: bool | None = None
    is_current: bool = False
    """Without what was found before an apply: it counts again once a check has seen it."""


def list_findings(
    session: Session, principal: Principal, wanted: FindingFilter, page: PageRequest
) -> Page[DriftFinding]:
    """Return findings that the caller can see, of stacks that live, newest first."""
    query = select(DriftFinding).where(select_findings(principal, wanted))
    return fetch_page(session, query, DriftFinding.id, page, newest_first=True)


def select_findings(principal: Principal, wanted: FindingFilter) -> ColumnElement[bool]:
    """Return the SQL condition for the findings that the caller can see and wants."""
    stacks = _filter_stacks(principal, wanted)
    condition: ColumnElement[bool] = DriftFinding.stack_id.in_(stacks)
    is_gone = DriftFinding.gone_since.is_not(None)
    condition &= is_gone if wanted.gone else ~is_gone
    columns = {
        DriftFinding.type: wanted.resource_type,
        DriftFinding.change: wanted.change,
        DriftFinding.severity: wanted.severity,
        DriftFinding.cause: wanted.cause,
    }
    condition &= fits(columns)
    if wanted.hidden is not None:
        is_hidden = hidden_at(utc_now())
        condition &= is_hidden if wanted.hidden else ~is_hidden
    if wanted.acknowledged is not None:
        is_known = DriftFinding.acknowledged_at.is_not(None)
        condition &= is_known if wanted.acknowledged else ~is_known
    return condition


def count_findings(session: Session, principal: Principal, wanted: FindingFilter) -> int:
    """Count the findings that the caller can see and wants."""
    query = select(func.count(DriftFinding.id)).where(select_findings(principal, wanted))
    return session.scalar(query) or 0


def findings_of(session: Session, stack_ids: Collection[str]) -> list[DriftFinding]:
    """Return what is not gone in these stacks, the oldest first, also what rules hide."""
    if not stack_ids:
        return []
    query = select(DriftFinding).where(
        DriftFinding.stack_id.in_(stack_ids), DriftFinding.gone_since.is_(None)
    )
    return list(session.scalars(query.order_by(DriftFinding.id)).unique())


def hidden_at(moment: datetime) -> ColumnElement[bool]:
    """Return the SQL condition that a rule hides a finding; an expired one hides nothing."""
    living = select(DriftRule.id).where(DriftRule.expires_at > moment)
    return DriftFinding.rule_id.is_not(None) & DriftFinding.rule_id.in_(living)


def finding_by_id(
    session: Session, principal: Principal, finding_id: str, right: Right = Right.STACK_READ
) -> DriftFinding:
    """Return a finding, locked until the end of the transaction for who wants to change it.

    Raises:
        NotFoundError: there is none, or in a project that the caller cannot see.
        PermissionDeniedError: the caller's role lacks ``right``.
    """
    lock = {"of": DriftFinding} if right is not Right.STACK_READ else None
    row = session.get(DriftFinding, finding_id, with_for_update=lock)
    if row is None:
        raise NotFoundError(f"There is no finding {finding_id!r}.")
    require(principal, right, row.stack.project_id, f"finding {finding_id!r}")
    return row


def findings_by_id(session: Session, names: Collection[str]) -> dict[str, DriftFinding]:
    """Return those of the findings that there are, by id."""
    if not names:
        return {}
    rows = session.scalars(select(DriftFinding).where(DriftFinding.id.in_(names)))
    return {row.id: row for row in rows.unique()}


def _filter_stacks(principal: Principal, wanted: FindingFilter) -> Select[tuple[Any]]:
    query = select(Stack.id).where(visible(principal, Stack.project_id), Stack.deleted_at.is_(None))
    if wanted.project is not None:
        named = select(Project.id).where(is_project(wanted.project))
        query = query.where(Stack.project_id.in_(named))
    if wanted.is_current:
        query = query.where(Stack.drift_status != DriftStatus.NOT_CHECKED)
    columns = {Stack.id: wanted.stack, Stack.kind: wanted.kind, Stack.cloud: wanted.cloud}
    return query.where(fits(columns))
