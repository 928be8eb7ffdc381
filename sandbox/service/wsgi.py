"""Owns gunicorn's entry point, `sandbox.service.wsgi:app`. The only module that acts on import."""

from __future__ import annotations

import os

from sandbox.scheduling import let_threads_finish
from sandbox.service.factory import create_app
from sandbox.service.settings import Settings

os.umask(0o077)
let_threads_finish()
app = create_app(Settings.from_env())
