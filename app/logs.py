"""Structured logs: one line an event, on standard error, as JSON or for people.

Owns the set-up of structlog and of the standard library's loggers. Secrets must not reach it:
callers log ids and counts, not values. What a traceback brings all the same is hidden when the
secrets at work are known (``hide_in_logs``).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

_redaction: list[Callable[[str], str]] = []
_process_facts: dict[str, object] = {}


def log_with_process(**facts: object) -> None:
    """Say ``facts`` in every line of this process from now on, such as its instance's id."""
    _process_facts.update(facts)


def log_with_work(**facts: object) -> None:
    """Say ``facts``, and no earlier ones, in the lines of this thread from now on."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        **{name: fact for name, fact in facts.items() if fact is not None}
    )


@contextmanager
def logging_with(**facts: object) -> Iterator[None]:
    """Say ``facts`` also, in the lines of this thread, until the block ends."""
    known = {name: fact for name, fact in facts.items() if fact is not None}
    with structlog.contextvars.bound_contextvars(**known):
        yield


def hide_in_logs(redact: Callable[[str], str]) -> None:
    """Send every line from now on through ``redact``, in all threads; replaces the one before.

    A worker process carries out one operation at a time, so it knows one set of secrets.
    """
    _redaction[:] = [redact]


def configure_logging(level: str, fmt: str) -> None:
    """Send every log line, ours and the libraries', through one formatter.

    Args:
        level: least severe level written, such as ``INFO``.
        fmt: ``json`` or ``console``.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_process_facts,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if fmt == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
                _hide_secrets,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)


def _add_process_facts(
    _logger: object, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    return {**_process_facts, **event}


def _hide_secrets(_logger: object, _name: str, line: object) -> str:
    text = str(line)
    for redact in _redaction:
        text = redact(text)
    return text


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of the module ``name``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
