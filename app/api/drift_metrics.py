"""What Prometheus collects about drift: the fleet, the checks, and the detector itself."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.services.context import Context
from app.services.detector import (
    Overdue,
    Totals,
    count_stacks,
    read_overdue,
    read_pulse,
    read_totals,
)


class DriftCollector(Collector):
    """Reads SQL, where the workers and the tick leave what they did."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def collect(self) -> Iterator[Metric]:
        try:
            pulse = read_pulse(self._ctx)
            with self._ctx.read() as session:
                stacks = count_stacks(session)
                totals, overdue = read_totals(session), read_overdue(session)
        except SQLAlchemyError:
            return  # the other figures are wanted all the more
        fleet = GaugeMetricFamily(
            "landform_drift_stacks", "Stacks by what is known of their drift", None, ["verdict"]
        )
        for verdict, count in stacks.items():
            fleet.add_metric([verdict], count)
        yield fleet
        yield from _checks(totals)
        yield from _lateness(overdue)
        if pulse.at is not None:
            yield GaugeMetricFamily(
                "landform_drift_detector_last_tick_timestamp_seconds",
                "When the detector of drift last gave a sign of life",
                pulse.at.timestamp(),
            )


def _checks(totals: Totals) -> Iterator[Metric]:
    checks = CounterMetricFamily(
        "landform_drift_checks", "Drift checks that ended, by their verdict", None, ["verdict"]
    )
    for verdict, count in totals.by_verdict.items():
        checks.add_metric([verdict], count)
    yield checks
    yield SummaryMetricFamily(
        "landform_drift_check_seconds",
        "How long drift checks took, from claim to end",
        sum(totals.by_verdict.values()),
        totals.seconds,
    )


def _lateness(overdue: Overdue) -> Iterator[Metric]:
    seconds = (utc_now() - overdue.since).total_seconds() if overdue.since else 0.0
    yield GaugeMetricFamily(
        "landform_drift_checks_overdue", "Drift checks late by more than a minute", overdue.count
    )
    yield GaugeMetricFamily(
        "landform_drift_oldest_overdue_seconds", "Lateness of the latest drift check", seconds
    )
