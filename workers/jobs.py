"""What RQ may call. Each takes ids only and returns nothing; the truth is in SQL."""

from __future__ import annotations

from app.services.detector import record_pulse
from app.services.dispatch import ring_checks
from app.services.expiry import end_expired, warn_of_expiry
from app.services.schedules import claim_due
from workers.runtime import get_context, get_engine


def carry_out(_operation_id: str) -> None:
    """Carry out the operation whose turn it is; the ring says only that there is work."""
    get_engine().work()


def tick() -> None:
    """Queue what is due by the clock: drift checks, and the end of stacks past their time."""
    claim_due(get_context())
    ring_checks(get_context())
    record_pulse(get_context())
    warn_of_expiry(get_context())
    end_expired(get_context())
