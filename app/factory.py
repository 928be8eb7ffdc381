"""The composition root: build the Flask application from settings."""

from __future__ import annotations

import re
import time
from pathlib import Path

from flask import Flask, Response, current_app, g, request
from ulid import ULID

from app import api, console
from app.api.http.json_provider import ExactJsonProvider
from app.config.settings import Settings
from app.logs import configure_logging, get_logger, log_with_work
from app.services.context import Context, build_context
from app.services.identity.stream_rights import OpenStreams
from app.services.operations.watch import OperationWatch
from app.web.authentication import API_AUDIENCE, CONSOLE_AUDIENCE, LEEWAY_SECONDS
from app.web.client_address import TrustedProxies
from app.web.compression import compress
from app.web.context import EXTENSION, STREAMS, WATCH
from app.web.cookies import are_cookies_secure, cookie_name
from app.web.extensions import jwt, limiter, provide_rates
from app.web.http_errors import register_error_handlers
from app.web.http_metrics import observe_request
from app.web.request_limits import limit_requests
from app.web.stream_places import provide_places
from app.web.traces import begin_request_trace, end_request_trace, provide_traces

ROOT = Path(__file__).resolve().parent.parent
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'; img-src 'self' data:"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            *("accelerometer", "camera", "display-capture", "fullscreen", "geolocation"),
            *("gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi"),
            *("payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
        )
    ),
    "X-Permitted-Cross-Domain-Policies": "none",
}
# A year; of this host only, since others below its name may not be Landform's business.
STRICT_TRANSPORT = "max-age=31536000"

# Asked every few seconds by whatever watches Landform: a line each would hide all others.
WATCHED_PATHS = ("/healthz", "/readyz", "/metrics")

log = get_logger(__name__)


def create_app(settings: Settings, ctx: Context | None = None) -> Flask:
    """Build the web application.

    Args:
        settings: complete settings, from ``Settings.from_env()`` or a test.
        ctx: the services' context when the caller has one already.

    Raises:
        CatalogError, ConfigurationError: it cannot start; the message says what to do.
    """
    configure_logging(settings.log_level, settings.log_format)
    app = Flask(
        "landform",
        root_path=str(ROOT),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.json = ExactJsonProvider(app)
    app.config.update(_flask_config(settings))
    ctx = ctx or build_context(settings)
    app.extensions[EXTENSION] = ctx
    app.extensions[STREAMS] = OpenStreams(ctx)
    app.extensions[WATCH] = OperationWatch(ctx)
    provide_traces(settings)
    app.before_request(_begin_request)
    limit_requests(app)
    app.after_request(_end_request)
    app.after_request(compress)
    jwt.init_app(app)
    limiter.init_app(app)
    provide_rates(app, ctx.shared)
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.proxy_networks)  # type: ignore[method-assign]  # as Flask documents it
    provide_places(app, settings, ctx.shared)
    register_error_handlers(app)
    api.register(app)
    console.register(app)
    return app


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "JWT_SECRET_KEY": settings.secret_key.get_secret_value(),
        "JWT_ALGORITHM": "HS256",
        "JWT_DECODE_ALGORITHMS": ["HS256"],
        "JWT_ENCODE_ISSUER": "landform",
        "JWT_DECODE_ISSUER": "landform",
        "JWT_ENCODE_AUDIENCE": API_AUDIENCE,
        "JWT_DECODE_AUDIENCE": [API_AUDIENCE, CONSOLE_AUDIENCE],
        "JWT_DECODE_LEEWAY": LEEWAY_SECONDS,
        "JWT_ACCESS_TOKEN_EXPIRES": settings.access_token_seconds,
        "JWT_REFRESH_TOKEN_EXPIRES": settings.refresh_token_seconds,
        "JWT_TOKEN_LOCATION": ["headers", "cookies"],
        "JWT_COOKIE_SECURE": are_cookies_secure(settings),
        "JWT_COOKIE_SAMESITE": "Lax",
        "JWT_COOKIE_CSRF_PROTECT": True,
        "JWT_CSRF_CHECK_FORM": True,
        "JWT_CSRF_IN_COOKIES": True,
        "JWT_ACCESS_COOKIE_NAME": cookie_name(settings, "landform_session"),
        "JWT_ACCESS_CSRF_COOKIE_NAME": cookie_name(settings, "landform_csrf"),
        "TEMPLATES_AUTO_RELOAD": False,
        **api.CONFIG,
    }


def _begin_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else str(ULID()).lower()
    g.started = time.perf_counter()
    trace = begin_request_trace()
    log_with_work(request_id=g.request_id, trace_id=trace.trace_id)


def _end_request(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["JWT_COOKIE_SECURE"]:
        response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    is_watching = request.path.startswith(WATCHED_PATHS)
    if not is_watching:
        observe_request(request.path, request.method, response.status_code, seconds)
    tell = log.debug if is_watching else log.info
    tell(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
    )
    is_told = not is_watching and not request.path.startswith("/static/")
    end_request_trace(response.status_code, is_told=is_told)
    return response
