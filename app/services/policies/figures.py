"""Figures about policies for Prometheus."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.policies import Verdict
from app.domain.policy_results import PolicyResult, effect_of
from app.models import Operation

SINCE = timedelta(days=1)


def count_verdicts(session: Session) -> dict[str, int]:
    """Return how many operations of the last day had which effect of policies that were not met."""
    first = ids.first_id(ids.OPERATION, utc_now() - SINCE)
    query = select(Operation.policy_results).where(
        Operation.id >= first, Operation.policy_results.is_not(None)
    )
    said = [kept for kept in session.scalars(query) if kept]
    counted = Counter(effect_of([PolicyResult.from_dict(item) for item in kept]) for kept in said)
    return {verdict.value: counted[verdict] for verdict in Verdict}
