"""The settings of traces. Where they are sent say the standard variables of OpenTelemetry.

A part of ``app.config.settings.Settings``, which is what everything else reads.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TracingSettings(BaseSettings):
    """Whether spans are recorded, and of how many traces."""

    traces: bool = Field(
        False,
        description="Send traces by OTLP to where `OTEL_EXPORTER_OTLP_ENDPOINT` leads; needs "
        "`make install-otel`.",
    )
    trace_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the traces that are recorded, of those that begin here; clients "
        "say it of theirs.",
    )
