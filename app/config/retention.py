"""The settings of how long history is kept.

A part of ``app.config.settings.Settings``, which is what everything else reads.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

MAX_DAYS = 36_500


class RetentionSettings(BaseSettings):
    """When operations, their stories, reports and findings that are over are removed."""

    operation_keep_days: int = Field(
        365, ge=1, le=MAX_DAYS, description="Days for which an operation that ended is kept."
    )
    unchanged_keep_days: int = Field(
        30,
        ge=1,
        le=MAX_DAYS,
        description="Days for which an operation that changed nothing keeps its events, steps and "
        "plan.",
    )
    check_keep_hours: int = Field(
        1,
        ge=0,
        le=MAX_DAYS,
        description="Hours for which a scheduled check that found nothing new is kept.",
    )
    report_keep_days: int = Field(
        90, ge=1, le=MAX_DAYS, description="Days for which a drift report is kept."
    )
    finding_keep_days: int = Field(
        365, ge=1, le=MAX_DAYS, description="Days for which a finding that is over is kept."
    )
