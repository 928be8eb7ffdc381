"""What one command of ``landform`` is, and the context in which it works."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from app.config.settings import Settings
from app.logs import configure_logging
from app.services.context import Context, build_context


@dataclass(frozen=True)
class Command:
    """What one command does, and which arguments it takes."""

    explanation: str
    run: Callable[[argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


def open_context() -> Context:
    """Return the context of this command, whose log goes to standard error."""
    settings = Settings.from_env()
    configure_logging(settings.log_level, settings.log_format)
    return build_context(settings)
