"""What RQ may call. Each takes ids only and returns nothing; the truth is in SQL."""

from __future__ import annotations

from app.services.schedules import claim_due
from workers.runtime import get_context, get_engine


def carry_out(operation_id: str) -> None:
    """Carry out one operation."""
    get_engine().carry_out(operation_id)


def tick() -> None:
    """Queue the drift checks that are due."""
    claim_due(get_context())
