"""Findings over the fleet, grouped by what probably caused them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import DriftFinding
from app.services.access import Principal
from app.services.drift.queries import FindingFilter, select_findings
from app.services.paging import Page, PageRequest, fetch_page


@dataclass(frozen=True)
class CauseGroup:
    """Findings of one cause: how many in how many stacks since when, and the first as example."""

    example: DriftFinding
    findings: int
    stacks: int
    first_seen_at: datetime


def list_causes(
    session: Session, principal: Principal, wanted: FindingFilter, page: PageRequest
) -> Page[CauseGroup]:
    """Return the causes of what the caller can see and wants; the one that began last comes first.

    The oldest finding of a cause stands for it, so its place stays while others come.
    """
    condition = select_findings(principal, wanted)
    oldest = select(func.min(DriftFinding.id)).where(condition).group_by(DriftFinding.cause)
    query = select(DriftFinding).where(DriftFinding.id.in_(oldest))
    found = fetch_page(session, query, DriftFinding.id, page, newest_first=True)
    counted = (
        select(
            DriftFinding.cause,
            func.count(),
            func.count(DriftFinding.stack_id.distinct()),
            func.min(DriftFinding.first_seen_at),
        )
        .where(condition, DriftFinding.cause.in_([item.cause for item in found.items]))
        .group_by(DriftFinding.cause)
    )
    counts = {cause: numbers for cause, *numbers in session.execute(counted)}
    groups: Sequence[CauseGroup] = [CauseGroup(item, *counts[item.cause]) for item in found.items]
    return Page(groups, found.next_cursor)
