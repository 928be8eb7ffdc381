"""How many event streams the web process serves at once: those of the API and the console together.

A stream holds a thread as long as it lasts, so there are only so many, and the rest of the threads
stays for everything else.
"""

from __future__ import annotations

import threading

from flask import Flask, current_app

from app.errors import TooManyRequestsError

EXTENSION = "landform_stream_places"
MAX_STREAMS = 200
THREADS_KEPT = 88
"""Threads of the web process that streams leave to pages, held answers and other requests."""


class StreamPlaces:
    """The places of one process; whoever takes one gives it back."""

    def __init__(self, count: int) -> None:
        """Have ``count`` places, all free."""
        self.count = count
        self._free = threading.BoundedSemaphore(count)

    def take(self) -> None:
        """Take a place.

        Raises:
            TooManyRequestsError: all are taken.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyRequestsError(f"{self.count} event streams are open already.")

    def give_back(self) -> None:
        """Let somebody else have it."""
        self._free.release()


def provide_places(app: Flask, web_threads: int) -> None:
    """Give ``app`` its places: what ``web_threads`` threads leave, four at least."""
    count = min(MAX_STREAMS, max(4, web_threads - THREADS_KEPT))
    app.extensions[EXTENSION] = StreamPlaces(count)


def current_places() -> StreamPlaces:
    """Return the places of the running application."""
    places: StreamPlaces = current_app.extensions[EXTENSION]
    return places
