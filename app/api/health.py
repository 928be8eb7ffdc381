"""Is the process alive, and can it work? For load balancers, Prometheus and people."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.api.drift_metrics import DriftCollector
from app.extensions import limiter
from app.services.context import Context
from app.services.health import check_all
from app.services.webhooks.totals import webhook_figures
from app.web_context import current_context

blueprint = Blueprint("health", "app.api.health")
limiter.exempt(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer as long as the process lives."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Name each part that Landform stands on; 503 when one is missing."""
    checks = check_all(current_context())
    is_ready = all(check.is_ok for check in checks)
    parts = {
        check.name: {
            "status": "ok" if check.is_ok else "failed",
            "detail": check.detail,
            **({"code": check.code} if check.code else {}),
        }
        for check in checks
    }
    return jsonify(status="ok" if is_ready else "failed", checks=parts), 200 if is_ready else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    """Show what Prometheus collects."""
    registry = CollectorRegistry()
    registry.register(_WebhookCollector(current_context()))
    registry.register(DriftCollector(current_context()))
    text = generate_latest() + generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _WebhookCollector(Collector):
    """Reads what the sender, another process, has counted in SQL."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def collect(self) -> Iterator[Metric]:
        try:
            attempts, waiting, disabled = webhook_figures(self._ctx)
        except SQLAlchemyError:
            return  # the other figures are wanted all the more
        counter = CounterMetricFamily(
            "landform_webhook_attempts",
            "Messages to webhooks by what became of them",
            None,
            ["result"],
        )
        for result, count in attempts.items():
            counter.add_metric([result], count)
        yield counter
        yield GaugeMetricFamily(
            "landform_webhook_deliveries_pending", "Messages that wait to be delivered", waiting
        )
        yield GaugeMetricFamily(
            "landform_webhooks_disabled", "Webhooks that are switched off", disabled
        )
