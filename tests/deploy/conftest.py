"""A real Landform behind its metrics, for what is built on them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rq import Worker

from app.factory import create_app
from app.queue.notifier import OPERATIONS_QUEUE, open_queue
from app.services.drift.health import record_pulse
from app.services.installation.duties import DutyReport, record_duties
from app.services.installation.health import record_scheduler_beat
from app.services.installation.setup import prepare
from app.web.context import context_of
from app.web.http_metrics import observe_request
from tests.conftest import MakeSettings

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@dataclass(frozen=True)
class Exported:
    """What `/metrics` shows: the names of all series, and the labels of those that have any."""

    names: frozenset[str]
    labels: dict[str, list[dict[str, str]]]


@pytest.fixture
def exported(make_prepared_settings: MakeSettings, fresh_redis_url: str) -> Exported:
    """Ask a Landform for its metrics whose scheduler, detector and duties have run."""
    settings = make_prepared_settings(redis_url=fresh_redis_url)
    prepare(settings)
    app = create_app(settings)
    ctx, client = context_of(app), app.test_client()
    record_scheduler_beat(ctx)
    record_pulse(ctx)
    record_duties(ctx, [DutyReport("recover_operations", succeeded_at=1.0)])
    redis = ctx.notifier.connection
    Worker([open_queue(OPERATIONS_QUEUE, redis)], connection=redis).register_birth()
    client.get("/stacks")
    observe_request("/api/v1/stacks", "GET", 500, 0.1)  # a class of status is there once it was met
    return read(client.get("/metrics").text)


def read(text: str) -> Exported:
    """Return what the text of ``/metrics`` shows."""
    names: set[str] = set()
    labels: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        names |= {f"{family.name}{suffix}" for suffix in SUFFIXES.get(family.type, ("",))}
        for sample in family.samples:
            names.add(sample.name)
            labels.setdefault(sample.name, []).append(sample.labels)
    return Exported(frozenset(names), labels)
