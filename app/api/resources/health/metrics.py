"""What Prometheus collects of operations, processes, webhooks, drift, duties and refusals.

Other processes do what is counted here and leave the figures in SQL, and all web processes count
refusals in Redis; only what the library tells of a process is this one's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.services.context import Context
from app.services.drift.health import count_stacks, read_overdue, read_pulse, read_totals
from app.services.installation.duties import read_duties
from app.services.installation.figures import (
    count_workers,
    read_instances,
    read_room,
    read_scheduler_beat,
)
from app.services.installation.health import check_all
from app.services.operations.figures import (
    count_ended,
    count_unfinished,
    count_unresolved,
    measure_operations,
    read_queue,
)
from app.services.policies.figures import count_verdicts
from app.services.queue.footprints import list_footprints
from app.services.webhooks.metrics import webhook_figures

Read = Callable[[Context], Iterator[Metric]]
Family = type[CounterMetricFamily | GaugeMetricFamily]


def registry_of(ctx: Context) -> CollectorRegistry:
    """Return what is collected of one Landform, and of this process of it."""
    registry = CollectorRegistry()
    registry.register(_OfProcess(ctx.settings.web_processes))
    for read in READS:
        registry.register(_Figures(ctx, read))
    return registry


class _OfProcess(Collector):
    """What the library tells of this process, labelled with its number where it is one of several.

    Any of them may answer, and its figures are no continuation of another's.
    """

    def __init__(self, web_processes: int) -> None:
        self._labels = {"pid": str(os.getpid())} if web_processes > 1 else {}

    def collect(self) -> Iterator[Metric]:
        for metric in REGISTRY.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, **self._labels})
                for sample in metric.samples
            ]
            yield metric


class _Figures(Collector):
    """Some figures; none where the database fails, since the others are wanted all the more."""

    def __init__(self, ctx: Context, read: Read) -> None:
        self._ctx, self._read = ctx, read

    def collect(self) -> list[Metric]:
        try:
            return list(self._read(self._ctx))
        except SQLAlchemyError:
            return []


def _checks(ctx: Context) -> Iterator[Metric]:
    told = "1 for each check of /readyz that is passed, else 0"
    found = {check.name: int(check.is_ok) for check in check_all(ctx)}
    yield _by(GaugeMetricFamily, "landform_check_ok", told, "check", found)


def _operations(ctx: Context) -> Iterator[Metric]:
    with ctx.read() as session:
        unfinished, ended = count_unfinished(session), count_ended(session)
        unresolved, queue = count_unresolved(session), read_queue(session)
        durations = measure_operations(session)
    gauge = GaugeMetricFamily
    yield _by(gauge, "landform_operations_unfinished", "By status", "status", unfinished)
    told = "Operations of the last 24 hours that were to change something, by their end"
    yield _by(gauge, "landform_operations_ended_day", told, "status", ended)
    told = "Interrupted operations whose orphans a person has to decide about"
    yield gauge("landform_operations_unresolved", told, unresolved)
    told = "Queued operations by why they do not start"
    yield _by(gauge, "landform_operations_waiting", told, "reason", queue.by_reason)
    yield gauge(
        "landform_queue_oldest_seconds",
        "Age of the oldest operation that waits for Landform itself",
        queue.oldest_seconds,
    )
    told = "From the request to the start, of the last applied operations"
    yield _by(gauge, "landform_operation_wait_seconds", told, "quantile", durations.wait)
    told = "From the request to the end, of the last applied operations"
    yield _by(gauge, "landform_operation_lead_seconds", told, "quantile", durations.lead)


def _processes(ctx: Context) -> Iterator[Metric]:
    with ctx.read() as session:
        instances, beat = read_instances(session), read_scheduler_beat(session)
    gauge = GaugeMetricFamily
    told = "Instances of the last day by status"
    yield _by(gauge, "landform_instances", told, "status", instances.by_status)
    silent = gauge(
        "landform_instance_silent_seconds",
        "Time since the last sign of life of an instance that was not stopped",
        labels=["instance_id", "host"],
    )
    held = gauge(
        "landform_instance_held_operations",
        "Operations that an instance holds",
        labels=["instance_id", "host"],
    )
    for item in instances.expected:
        silent.add_metric([item.id, item.host], item.silent_seconds)
        held.add_metric([item.id, item.host], item.held)
    yield from (silent, held)
    if beat is not None:
        yield gauge(
            "landform_scheduler_last_beat_timestamp_seconds",
            "When a scheduler last gave a sign of life",
            beat.timestamp(),
        )


def _host(ctx: Context) -> Iterator[Metric]:
    workers = count_workers(ctx)
    if workers is not None:
        told = "Workers that give signs of life; missing while Redis is away"
        yield GaugeMetricFamily("landform_workers", told, workers)
    told = "Free bytes of the places of the host that answers"
    yield _by(GaugeMetricFamily, "landform_disk_free_bytes", told, "place", read_room(ctx))


def _webhooks(ctx: Context) -> Iterator[Metric]:
    attempts, waiting, disabled = webhook_figures(ctx)
    told = "Messages to webhooks by what became of them"
    yield _by(CounterMetricFamily, "landform_webhook_attempts", told, "result", attempts)
    yield GaugeMetricFamily(
        "landform_webhook_deliveries_pending", "Messages that wait to be delivered", waiting
    )
    yield GaugeMetricFamily(
        "landform_webhooks_disabled", "Webhooks that are switched off", disabled
    )


def _drift(ctx: Context) -> Iterator[Metric]:
    pulse = read_pulse(ctx)
    with ctx.read() as session:
        stacks, totals, overdue = count_stacks(session), read_totals(session), read_overdue(session)
    told = "Stacks by what is known of their drift"
    yield _by(GaugeMetricFamily, "landform_drift_stacks", told, "verdict", stacks)
    told = "Drift checks that ended, by their verdict"
    yield _by(CounterMetricFamily, "landform_drift_checks", told, "verdict", totals.by_verdict)
    yield SummaryMetricFamily(
        "landform_drift_check_seconds",
        "How long drift checks took, from claim to end",
        sum(totals.by_verdict.values()),
        totals.seconds,
    )
    yield GaugeMetricFamily(
        "landform_drift_checks_overdue", "Drift checks late by more than a minute", overdue.count
    )
    yield GaugeMetricFamily(
        "landform_drift_oldest_overdue_seconds",
        "Lateness of the latest drift check",
        (utc_now() - overdue.since).total_seconds() if overdue.since else 0.0,
    )
    if pulse.at is not None:
        yield GaugeMetricFamily(
            "landform_drift_detector_last_tick_timestamp_seconds",
            "When the detector of drift last gave a sign of life",
            pulse.at.timestamp(),
        )


def _duties(ctx: Context) -> Iterator[Metric]:
    reports = read_duties(ctx)
    yield _by(
        GaugeMetricFamily,
        "landform_duty_last_success_timestamp_seconds",
        "When a periodic duty was last done",
        "duty",
        {report.name: report.succeeded_at or 0 for report in reports},
    )
    yield _by(
        GaugeMetricFamily,
        "landform_duty_failing",
        "1 while a periodic duty fails each time it is tried",
        "duty",
        {report.name: int(report.failing_since is not None) for report in reports},
    )


def _footprints(ctx: Context) -> Iterator[Metric]:
    with ctx.read() as session:
        found = list_footprints(session)
    labels = ["cloud", "kind"]
    gauge = GaugeMetricFamily
    largest = gauge("landform_operation_peak_mib", "Most that one of the last took", labels=labels)
    told = "Memory that must be available for one more, where enough is known"
    learned = gauge("landform_operation_learned_mib", told, labels=labels)
    told = "CPU time of Terraform and its providers, of half of the last operations"
    seconds = gauge("landform_operation_cpu_seconds", told, labels=labels)
    for item in found:
        place = [item.cloud, item.kind]
        largest.add_metric(place, item.largest_mib)
        seconds.add_metric(place, item.cpu_seconds)
        if item.learned_mib is not None:
            learned.add_metric(place, item.learned_mib)
    yield from (largest, learned, seconds)


def _policies(ctx: Context) -> Iterator[Metric]:
    with ctx.read() as session:
        counted = count_verdicts(session)
    told = "Operations of the last day of which a policy was not met, by what followed"
    yield _by(GaugeMetricFamily, "landform_policy_operations", told, "verdict", counted)


def _refusals(ctx: Context) -> Iterator[Metric]:
    told = "Requests that were refused, by kind"
    totals = {kind.value: count for kind, count in ctx.refusals.totals().items()}
    yield _by(CounterMetricFamily, "landform_refusals", told, "kind", totals)


def _by(family: Family, name: str, told: str, label: str, figures: Mapping[str, float]) -> Metric:
    """Return a metric with one value for each value of a label."""
    metric = family(name, told, labels=[label])
    for value, figure in figures.items():
        metric.add_metric([value], figure)
    return metric


READS: tuple[Read, ...] = (
    *(_checks, _operations, _processes, _host),
    *(_webhooks, _drift, _duties, _refusals, _footprints, _policies),
)
"""Each is asked by itself, so that one that fails hides no other."""
