"""Owns gunicorn's entry point, `sandbox.service.wsgi:app`. The only module that acts on import."""

from __future__ import annotations

from sandbox.service.factory import create_app
from sandbox.service.settings import Settings

app = create_app(Settings.from_env())
