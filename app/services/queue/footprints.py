"""What operations take, learned by cloud and kind, and kept in SQL for all hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.footprint import Footprint, add_sample, learned_mib, median_cpu_seconds
from app.domain.permissions import ServiceRight
from app.models import OperationFootprint, Stack
from app.services import audit
from app.services.access import require_service
from app.services.work import Work

Place = tuple[str, str]
"""A cloud and a kind."""


@dataclass(frozen=True)
class LearnedFootprint:
    """What is known of one kind on one cloud; ``learned_mib`` is None while too little is."""

    cloud: str
    kind: str
    count: int
    largest_mib: int
    learned_mib: int | None
    cpu_seconds: float
    updated_at: datetime


def learn(session: Session, stack_id: str, sample: Footprint) -> None:
    """Keep what an operation on a stack took; one that cannot be true changes nothing."""
    if not sample.is_plausible:
        return
    query = select(Stack.cloud, Stack.kind).where(Stack.id == stack_id)
    place = session.execute(query).one_or_none()
    if place is None:
        return
    key = (place.cloud, place.kind)
    row = session.get(OperationFootprint, key, with_for_update=True)
    if row is None:
        row = OperationFootprint(cloud=place.cloud, kind=place.kind, samples=[])
        session.add(row)
    samples = add_sample(_read(row.samples), sample)
    row.samples = [[item.peak_mib, item.cpu_seconds] for item in samples]
    row.learned_mib, row.updated_at = learned_mib(samples), utc_now()


def read_learned(session: Session) -> Mapping[Place, int]:
    """Return what each kind on each cloud needs, of those of which enough is known."""
    query = select(
        OperationFootprint.cloud, OperationFootprint.kind, OperationFootprint.learned_mib
    ).where(OperationFootprint.learned_mib.is_not(None))
    return {(cloud, kind): mib for cloud, kind, mib in session.execute(query) if mib is not None}


def list_footprints(session: Session) -> list[LearnedFootprint]:
    """Return all that is known, by cloud and kind."""
    query = select(OperationFootprint).order_by(OperationFootprint.cloud, OperationFootprint.kind)
    found = []
    for row in session.scalars(query):
        samples = _read(row.samples)
        found.append(
            LearnedFootprint(
                row.cloud,
                row.kind,
                len(samples),
                max((item.peak_mib for item in samples), default=0),
                row.learned_mib,
                median_cpu_seconds(samples) or 0.0,
                row.updated_at,
            )
        )
    return found


def forget_footprints(work: Work) -> int:
    """Forget what was learned, so that the declared figures count again; return how many kinds.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
    """
    require_service(work.principal, ServiceRight.MAINTENANCE_MANAGE)
    places = work.session.scalars(
        delete(OperationFootprint).returning(OperationFootprint.kind)
    ).all()
    audit.record(work, "queue.forget_footprints", "queue", "all", count=len(places))
    return len(places)


def _read(samples: list[Any]) -> list[Footprint]:
    return [Footprint(int(peak), float(seconds)) for peak, seconds in samples]
