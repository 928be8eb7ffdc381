"""The one context and engine of a worker process, built before it forks."""

from __future__ import annotations

from functools import cache

from app.logs import configure_logging
from app.services.context import Context, build_context
from app.services.engine.engine import Engine
from app.settings import Settings


@cache
def get_context() -> Context:
    """Return the context of this process, building it from the environment once."""
    settings = Settings.from_env()
    configure_logging(settings.log_level, settings.log_format)
    return build_context(settings)


@cache
def get_engine() -> Engine:
    """Return the engine of this process."""
    return Engine(get_context())
