"""Begin to record spans in a process, in the way that suits its role."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from app.config.settings import Settings, trace_socket
from app.errors import ConfigurationError
from app.tracing.context import TraceContext
from app.tracing.relay import RelayReceiver, RelaySender
from app.tracing.span import Span
from app.tracing.tracer import send_spans_with

LAST_SPANS_SECONDS = 1.0
"""How long a process that stops may take to send what is queued."""

PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class SpanSender(Protocol):
    """What ``app.tracing.otlp`` offers."""

    def send(self, finished: Span) -> None: ...

    def send_terraform(self, parent: TraceContext, body: bytes) -> None: ...

    def close(self, seconds: float) -> None: ...


def export_spans(settings: Settings, role: str) -> SpanSender | None:
    """Send the spans of this process to the collector, if traces are on.

    Args:
        settings: whether they are.
        role: what this process is, as its spans say.

    Raises:
        ConfigurationError: they are, and the packages are not installed.
    """
    if not settings.traces:
        return None
    if not _is_installed():
        raise ConfigurationError(
            "LANDFORM_TRACES needs packages that are not installed: run `make install-otel`."
        )
    # Here, because the packages are optional, and take 160 ms to import.
    sender: SpanSender = import_module("app.tracing.otlp").OtlpSender(role=role)
    send_spans_with(sender.send, sender.send_terraform, settings.trace_ratio)
    return sender


def serve_relay(settings: Settings) -> SpanSender | None:
    """Send the spans of this process, and those that the workers of its host hand over.

    Raises:
        ConfigurationError: as ``export_spans``.
    """
    sender = export_spans(settings, "agent")
    if sender is not None:
        path = trace_socket(settings.home_dir)
        RelayReceiver(path, sender.send, sender.send_terraform).start()
    return sender


def hand_over_spans(settings: Settings) -> None:
    """Hand the spans of this process to the agent of its host, if traces are on."""
    if settings.traces:
        sender = RelaySender(trace_socket(settings.home_dir))
        send_spans_with(sender.send, sender.send_terraform, settings.trace_ratio)


def _is_installed() -> bool:
    try:
        return all(find_spec(name) is not None for name in PACKAGES)
    except ModuleNotFoundError:  # of a package above it
        return False
