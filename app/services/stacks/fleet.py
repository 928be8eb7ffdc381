"""All stacks at once: how many stand where, and which of them need a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.models import Stack
from app.services.access import Principal, visible
from app.services.paging import Page, PageRequest, fetch_page
from app.services.stacks.queries import StackFilter, count_stacks, filter_stacks

TROUBLED = (StackStatus.NEEDS_ATTENTION, StackStatus.FAILED)
OFF_RECORD = (DriftStatus.DRIFTED, DriftStatus.UNKNOWN)


@dataclass(frozen=True)
class FleetCounts:
    """How many living stacks stand where, by status and by drift verdict."""

    by_status: dict[str, int]
    by_drift: dict[str, int]

    @property
    def total(self) -> int:
        """How many living stacks the caller can see."""
        return sum(self.by_status.values())


def count_fleet(session: Session, principal: Principal) -> FleetCounts:
    """Count the living stacks that the caller can see."""
    return FleetCounts(
        by_status=count_stacks(session, principal, Stack.status),
        by_drift=count_stacks(session, principal, Stack.drift_status),
    )


def stacks_in_trouble(session: Session, principal: Principal, limit: int) -> Sequence[Stack]:
    """Return stacks that failed, need a person, or drifted; the worst first."""
    worst_first = case(
        (Stack.status == StackStatus.NEEDS_ATTENTION, 0),
        (Stack.status == StackStatus.FAILED, 1),
        else_=2,
    )
    query = (
        select(Stack)
        .where(
            visible(principal, Stack.project_id),
            Stack.deleted_at.is_(None),
            Stack.status.in_(TROUBLED) | Stack.drift_status.in_(OFF_RECORD),
        )
        .order_by(worst_first, Stack.updated_at.desc(), Stack.id)
        .limit(limit)
    )
    return session.scalars(query).unique().all()


def stacks_by_verdict(
    session: Session,
    principal: Principal,
    verdicts: Collection[DriftStatus],
    page: PageRequest,
    wanted: StackFilter | None = None,
) -> Page[Stack]:
    """Return living stacks whose drift verdict is one of ``verdicts``, newest first."""
    query = select(Stack).where(
        visible(principal, Stack.project_id), Stack.drift_status.in_(sorted(verdicts))
    )
    query = filter_stacks(query, wanted or StackFilter())
    return fetch_page(session, query, Stack.id, page, newest_first=True)
