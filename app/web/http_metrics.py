"""How long requests take, as a histogram of this process for Prometheus.

Few labels on purpose: a label with words of clients would let anybody fill the memory.
"""

from __future__ import annotations

from prometheus_client import Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_seconds = Histogram(
    "landform_http_request_seconds",
    "Time from the head of a request to the head of its answer",
    labelnames=("area", "method", "status"),
    buckets=BUCKETS,
)


def observe_request(path: str, method: str, status: int, seconds: float) -> None:
    """Count one request: by area (api, console, static), method and class of status (2xx)."""
    label = method if method in METHODS else "other"
    _seconds.labels(area_of(path), label, f"{status // 100}xx").observe(seconds)


def area_of(path: str) -> str:
    """Return which part of Landform answers at a path."""
    if path.startswith("/api/"):
        return "api"
    return "static" if path.startswith("/static/") else "console"
