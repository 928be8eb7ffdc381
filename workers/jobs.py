"""What RQ may call. Each takes ids only and returns nothing; the truth is in SQL."""

from __future__ import annotations

from app.logs import get_logger
from app.services.drift.health import record_pulse
from app.services.drift.queue_due import claim_due
from app.services.queue.dispatch import notify_checks
from app.services.stacks.expiry import end_expired, warn_of_expiry
from workers.runtime import get_context, get_engine

log = get_logger(__name__)


def carry_out(operation_id: str) -> None:
    """Carry out the operation whose turn it is, which need not be the one of the notification."""
    if not get_engine().work():
        log.info("nothing_to_carry_out", notified=operation_id)


def tick() -> None:
    """Queue what is due on schedule: drift checks, and the end of stacks past their time."""
    claim_due(get_context())
    notify_checks(get_context())
    record_pulse(get_context())
    warn_of_expiry(get_context())
    end_expired(get_context())
