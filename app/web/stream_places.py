"""How many event streams the web process serves at once: those of the API and the console together.

A stream holds a thread as long as it lasts, so there are only so many, and the rest of the threads
stays for everything else. Of the places nobody gets more than a share: one user with many windows,
or many tokens, must not leave others without.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from flask import Flask, current_app, request

from app.config.settings import Settings
from app.errors import TooManyRequestsError
from app.web.context import current_principal

EXTENSION = "landform_stream_places"
MAX_STREAMS = 200
THREADS_KEPT = 88
"""Threads of the web process that streams leave to pages, held answers and other requests."""
CLOSE_SOME = (
    "Close pages and clients that follow operations and are not needed, or try again after "
    "Retry-After; everything can be read without a stream, too."
)


class StreamPlaces:
    """The places of one process; whoever takes one gives it back."""

    def __init__(self, count: int, per_user: int, per_address: int) -> None:
        """Have ``count`` places, all free, and let nobody have more than a share of them."""
        self.count, self.per_user, self.per_address = count, per_user, per_address
        self._lock = threading.Lock()
        self._taken = 0
        self._of_user: Counter[str] = Counter()
        self._of_address: Counter[str] = Counter()

    def take(self, user: str, address: str) -> Callable[[], None]:
        """Take a place and return what gives it back, which may be called more than once.

        Args:
            user: id of who follows, whatever session or token it came with.
            address: where from.

        Raises:
            TooManyRequestsError: all are taken, or this user or address has its share.
        """
        with self._lock:
            if self._of_user[user] >= self.per_user:
                raise _refusal(f"You have {self.per_user} event streams open already.")
            if self._of_address[address] >= self.per_address:
                raise _refusal(f"{self.per_address} event streams are open to your address.")
            if self._taken >= self.count:
                raise _refusal(f"{self.count} event streams are open already.")
            self._taken += 1
            self._of_user[user] += 1
            self._of_address[address] += 1
        return partial(self._give_back, user, address, [True])

    def taken(self) -> int:
        """Return how many places are taken."""
        with self._lock:
            return self._taken

    def _give_back(self, user: str, address: str, is_held: list[bool]) -> None:
        with self._lock:
            if not is_held:
                return
            is_held.clear()
            self._taken -= 1
            for counts, name in ((self._of_user, user), (self._of_address, address)):
                counts[name] -= 1
                if not counts[name]:
                    del counts[name]


def provide_places(app: Flask, settings: Settings) -> None:
    """Give ``app`` its places: what its threads leave, four at least."""
    count = min(MAX_STREAMS, max(4, settings.web_threads - THREADS_KEPT))
    app.extensions[EXTENSION] = StreamPlaces(
        count, settings.streams_per_user, settings.streams_per_address
    )


def take_place() -> Callable[[], None]:
    """Take a place for the present request and return what gives it back.

    Raises:
        TooManyRequestsError: as ``StreamPlaces.take``.
    """
    places: StreamPlaces = current_app.extensions[EXTENSION]
    return places.take(current_principal().id, request.remote_addr or "")


def _refusal(detail: str) -> TooManyRequestsError:
    return TooManyRequestsError(detail, advice=CLOSE_SOME)
