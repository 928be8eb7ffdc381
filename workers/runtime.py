"""The one context and engine of a worker process, built before it forks."""

from __future__ import annotations

import logging
from functools import cache

from app.config.settings import Settings
from app.logs import configure_logging
from app.process_secrecy import close_to_others
from app.services.context import Context, build_context
from app.services.engine.engine import Engine

# RQ tells several lines about every tick; what matters of an operation is told by the engine.
CHATTY_LIBRARIES = ("rq", "rq_scheduler")


@cache
def get_context() -> Context:
    """Return the context of this process, building it from the environment once."""
    close_to_others()
    settings = Settings.from_env()
    configure_logging(settings.log_level, settings.log_format)
    for name in CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(library_log_level(settings))
    ctx = build_context(settings)
    ctx.db.patience_seconds = settings.database_patience_seconds
    return ctx


def library_log_level(settings: Settings) -> str:
    """Return the least severe level at which the queue's libraries may write."""
    return "WARNING" if settings.log_level == "INFO" else settings.log_level


@cache
def get_engine() -> Engine:
    """Return the engine of this process."""
    return Engine(get_context(), may_be_nice=True)
