"""What stands before the web processes of several hosts: sends each request to one that is ready.

Looks at ``/readyz/web`` of each once a second, as ``docs/operations/three-hosts.md`` says. It
repeats nothing: a request that was under way at a host that dies fails, as it does with a balancer.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import Any

import httpx

LOOK_SECONDS = 1.0
LOOK_PATIENCE_SECONDS = 3.0
ANSWER_SECONDS = 40.0
CONNECT_SECONDS = 3.0


class Balancer:
    """Has the part of ``httpx.Client`` that the campaign uses."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Begin to look at the hosts; each is left out until it has answered."""
        limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._clients = [
            httpx.Client(base_url=url, timeout=limits, trust_env=False) for url in urls
        ]
        self._are_in = [False] * len(urls)
        self._turn = itertools.count()
        self._stop = threading.Event()
        self._looks = [
            threading.Thread(target=self._look_at, args=(place,), daemon=True)
            for place in range(len(urls))
        ]
        for look in self._looks:
            look.start()

    def set_token(self, token: str) -> None:
        for client in self._clients:
            client.headers["Authorization"] = f"Bearer {token}"

    def ready(self) -> list[bool]:
        """Return of each host whether requests are sent to it."""
        return list(self._are_in)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to the next host; to any of them when none is ready.

        Raises:
            httpx.TransportError: it did not answer.
        """
        turn = next(self._turn)
        ready = [c for c, is_in in zip(self._clients, self._are_in, strict=True) if is_in]
        candidates = ready or self._clients
        return candidates[turn % len(candidates)].request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def close(self) -> None:
        self._stop.set()
        for look in self._looks:
            look.join()
        for client in self._clients:
            client.close()

    def _look_at(self, place: int) -> None:
        url = self._clients[place].base_url
        with httpx.Client(base_url=url, timeout=LOOK_PATIENCE_SECONDS, trust_env=False) as client:
            while not self._stop.wait(LOOK_SECONDS):
                try:
                    answer = client.get("/readyz/web")
                except httpx.TransportError:
                    self._are_in[place] = False
                else:
                    self._are_in[place] = answer.status_code == httpx.codes.OK
