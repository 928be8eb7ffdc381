"""Carry out one operation in a process of its own, so that a test can kill it."""

import sys

from app.config.settings import Settings
from app.services.context import build_context
from app.services.engine.engine import Engine

Engine(build_context(Settings.from_env())).carry_out(sys.argv[1])
