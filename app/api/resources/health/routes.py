"""Is the process alive, and can it work? For load balancers, Prometheus and people."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.resources.health.metrics import registry_of
from app.config.settings import Settings
from app.domain.host_roles import HostRole
from app.errors import AuthenticationError, PermissionDeniedError
from app.services.installation.health import Check, check_all, check_role
from app.web.context import current_context
from app.web.extensions import limiter

blueprint = Blueprint("health", __name__)
limiter.exempt(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer as long as the process lives."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Name each part that Landform stands on; 503 when one is missing."""
    return _answer(check_all(current_context()))


@blueprint.get("/readyz/<any(web, worker, agent, scheduler):role>")
def readyz_of(role: str) -> tuple[Response, int]:
    """Name what one role stands on; ``web`` is for load balancers: can this process answer?"""
    return _answer(check_role(current_context(), HostRole(role)))


def _answer(checks: list[Check]) -> tuple[Response, int]:
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
    """Show what Prometheus collects, to who knows the token."""
    _require_token(current_context().settings)
    text = generate_latest(registry_of(current_context()))
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _require_token(settings: Settings) -> None:
    """Refuse callers without the token for the metrics.

    Raises:
        AuthenticationError: the token is missing or wrong.
        PermissionDeniedError: production has no token.
    """
    token = settings.metrics_token.get_secret_value()
    if not token:
        if settings.env == "production":
            raise PermissionDeniedError(
                "The metrics are closed: LANDFORM_METRICS_TOKEN is not set.",
                advice="Set it, and have Prometheus send it as a Bearer token.",
            )
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise AuthenticationError(
            "The metrics are shown to who knows the token of LANDFORM_METRICS_TOKEN only.",
            advice="Send it as a Bearer token.",
        )
