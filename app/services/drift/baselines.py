"""What Terraform found last of each stack, and the fingerprint of the inputs it found it with.

How the fingerprint is made is ``app.services.engine.drift_fingerprint``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.config.settings import Settings
from app.domain.drift_comparison import Comparison
from app.models import DriftBaseline, Stack


@dataclass(frozen=True)
class Baseline:
    """What Terraform found, and a digest of all from which it did.

    Nobody can make ``fingerprint`` without a key of the installation.
    """

    fingerprint: str
    found: Comparison
    found_at: datetime


def is_fresh(settings: Settings) -> ColumnElement[bool]:
    """Return the SQL condition that a baseline is not too old to be compared with."""
    oldest = utc_now() - timedelta(seconds=settings.drift_full_seconds)
    return DriftBaseline.found_at > oldest


def has_fresh(settings: Settings) -> ColumnElement[bool]:
    """Return the SQL condition that a stack has a baseline to be compared with."""
    return exists().where(DriftBaseline.stack_id == Stack.id, is_fresh(settings))


def fresh_baselines(
    session: Session, settings: Settings, stack_ids: Collection[str]
) -> dict[str, Baseline]:
    """Return, by stack, what can be compared with."""
    query = select(DriftBaseline).where(DriftBaseline.stack_id.in_(stack_ids), is_fresh(settings))
    return {
        row.stack_id: Baseline(row.fingerprint, Comparison.from_dict(row.found), row.found_at)
        for row in session.scalars(query)
    }


def keep_baseline(session: Session, stack_id: str, baseline: Baseline) -> None:
    """Have later checks of a stack compared with what Terraform has just found."""
    row = DriftBaseline(
        stack_id=stack_id,
        fingerprint=baseline.fingerprint,
        found=baseline.found.to_dict(),
        found_at=baseline.found_at,
    )
    session.merge(row)
