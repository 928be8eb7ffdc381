"""The chart of drifted and unknown stacks over the last days."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.console.shell.charts import ColumnChart, Series, stack_columns
from app.domain.drift import DriftStatus
from app.services.access import Principal
from app.services.drift.trend import SHOWN_DAYS, TrendDay, read_trend
from app.services.stacks.fleet import FleetCounts

TREND = (
    Series(DriftStatus.DRIFTED, "Drifted", "attention"),
    Series(DriftStatus.UNKNOWN, "Unknown", "bad"),
)


def draw_trend(session: Session, principal: Principal, fleet: FleetCounts) -> ColumnChart:
    """Draw drifted and unknown stacks over the last days; a day without a count is a gap."""
    known: dict[str, TrendDay] = {
        day.day.isoformat(): day for day in read_trend(session, principal, fleet.by_drift)
    }
    today = utc_now().date()
    days = [(today - timedelta(days=before)).isoformat() for before in reversed(range(SHOWN_DAYS))]
    points = [(day, known[day].counts if day in known else None) for day in days]
    return stack_columns(points, TREND)
