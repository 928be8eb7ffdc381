"""All stacks at once: how many stand where, and which of them need a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, lazyload

from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.models import Stack
from app.services.access import Principal, visible
from app.services.paging import Page, PageRequest, fetch_page
from app.services.stacks.queries import StackFilter, filter_stacks

TROUBLED = (StackStatus.NEEDS_ATTENTION, StackStatus.FAILED)
OFF_RECORD = (DriftStatus.DRIFTED, DriftStatus.UNKNOWN)


# A row of a list shows neither references nor outputs.
WITHOUT_OTHERS = (
    lazyload(Stack.references),
    lazyload(Stack.referenced_by),
    lazyload(Stack.outputs),
)


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
    query = select(Stack.status, Stack.drift_status, func.count()).where(
        visible(principal, Stack.project_id), Stack.deleted_at.is_(None)
    )
    by_status, by_drift = Counter[str](), Counter[str]()
    for status, drift, count in session.execute(query.group_by(Stack.status, Stack.drift_status)):
        by_status[status] += count
        by_drift[drift] += count
    return FleetCounts(dict(by_status), dict(by_drift))


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
        .options(*WITHOUT_OTHERS)
    )
    return session.scalars(query).all()


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
