"""Asks the processes whether they are ready; answers are the reason why not, empty when ready."""

from __future__ import annotations

import httpx

from app.config.settings import Settings

TIMEOUT_SECONDS = 2.0
MAX_REASON_LENGTH = 300
EVERY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104  compared with, not listened on


def local_url(settings: Settings) -> str:
    """Return the URL of the web process as this machine sees it."""
    host = "127.0.0.1" if settings.host in EVERY_ADDRESS else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def find_problem(url: str) -> str:
    """Return why ``url`` does not answer 200, in its own words where it answers at all."""
    try:
        # Proxies of the environment do not know this machine's own address.
        answer = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    if answer.status_code == httpx.codes.OK:
        return ""
    return f"HTTP {answer.status_code}: {' '.join(answer.text.split())[:MAX_REASON_LENGTH]}"
