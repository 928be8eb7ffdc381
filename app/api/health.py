"""Is the process alive, and can it work? For load balancers, Prometheus and people."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.extensions import limiter
from app.services.health import check_all
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
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
