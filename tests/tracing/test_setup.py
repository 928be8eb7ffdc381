"""Traces are off until they are asked for, and say what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.config.settings import Settings, trace_socket
from app.errors import ConfigurationError
from app.tracing import setup
from app.tracing.context import new_trace
from app.tracing.tracer import is_recording
from tests.conftest import MakeSettings


def test_nothing_is_sent_or_loaded_by_default(make_settings: MakeSettings) -> None:
    settings: Settings = make_settings()
    assert setup.export_spans(settings, "web") is None
    assert setup.serve_relay(settings) is None
    setup.hand_over_spans(settings)
    assert not is_recording(new_trace(1.0))
    assert not trace_socket(settings.home_dir).exists()


def test_the_exporter_is_not_imported_while_traces_are_off() -> None:
    """redis-py itself imports OpenTelemetry's metrics where those packages are."""
    code = (
        "import sys, app.factory, workers.scheduler, workers.worker, workers.agent\n"
        "wanted = ('opentelemetry.exporter', 'opentelemetry.sdk.trace', 'app.tracing.otlp')\n"
        "assert [name for name in sys.modules if name.startswith(wanted)] == []"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_package_is_named_with_what_to_do(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "PACKAGES", ("no_such_package.of_any.name",))
    with pytest.raises(ConfigurationError, match="make install-otel"):
        setup.export_spans(make_settings(traces=True), "web")


def test_a_worker_needs_no_package(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "PACKAGES", ("no_such_package.of_any.name",))
    setup.hand_over_spans(make_settings(traces=True))
    assert is_recording(new_trace(1.0))
