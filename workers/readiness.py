"""Asks the processes whether they are ready; answers are the reason why not, empty when ready."""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from app.config.settings import Settings
from app.domain.host_roles import HostRole
from app.errors import LandformError
from workers.process import run_to_end

TIMEOUT_SECONDS = 2.0
GRACE_SECONDS = 20.0
AGAIN_SECONDS = 1.0
MAX_REASON_LENGTH = 300
EVERY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104  compared with, not listened on


def local_url(settings: Settings) -> str:
    """Return the URL of the web process as this machine sees it."""
    host = "127.0.0.1" if settings.host in EVERY_ADDRESS else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def find_problem(url: str) -> str:
    """Return why ``url`` does not answer 200, in its own words where it answers at all."""
    asked = urlsplit(url)
    # Proxies of the environment do not know this machine's own address, so none is asked.
    connection = http.client.HTTPConnection(asked.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", asked.path)
        with connection.getresponse() as answer:
            text = answer.read().decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    if answer.status == HTTPStatus.OK:
        return ""
    return f"HTTP {answer.status}: {' '.join(text.split())[:MAX_REASON_LENGTH]}"


class RoleQuestion(threading.Thread):
    """Asks SQL, in one process of its own, until this host does its roles.

    What that loads would otherwise stay in the memory of the supervisor.
    """

    def __init__(self, roles: Collection[HostRole], seconds: float) -> None:
        """Begin to ask, for so long."""
        super().__init__(name="role-question", daemon=True)
        roles_text = ",".join(sorted(roles))
        words = ["admin", "ready", "--roles", roles_text, "--wait", str(seconds)]
        self._command = [sys.executable, "-m", "app.cli", *words]
        self._seconds = seconds
        self.problem = "its processes have not said so yet"
        """Why not; empty once it does."""

        self.start()

    def run(self) -> None:
        """Wait for the answer, and ask again where nobody could ask: the database may be away."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                run_to_end(self._command, os.environ, self._seconds + GRACE_SECONDS)
                self.problem = ""
                return
            except LandformError as error:
                self.problem = error.detail
            if time.monotonic() >= deadline:
                return
            time.sleep(AGAIN_SECONDS)
