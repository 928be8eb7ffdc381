"""The place of the present request among the event streams that are open at once.

The API and the console count together; ``app.limits.stream_places`` says how. The threads that
streams do not take stay for everything else.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, current_app, request

from app.config.settings import Settings
from app.domain.sign_in_pace import origin_of
from app.limits.shared_redis import SharedRedis
from app.limits.stream_places import StreamLimits, StreamPlaces
from app.web.context import current_principal

EXTENSION = "landform_stream_places"
THREADS_KEPT = 88
"""Threads of a web process that streams leave to pages, held answers and other requests."""


def provide_places(app: Flask, settings: Settings, shared: SharedRedis) -> None:
    """Give ``app`` its places: what its threads leave, four at least, of all that there are."""
    limits = StreamLimits(
        of_process=max(4, settings.web_threads - THREADS_KEPT),
        per_user=settings.streams_per_user,
        per_address=settings.streams_per_address,
        in_all=settings.streams,
    )
    app.extensions[EXTENSION] = StreamPlaces(limits, shared)


def take_place() -> Callable[[], None]:
    """Take a place for the present request and return what gives it back.

    Raises:
        TooManyRequestsError: as ``StreamPlaces.take``.
    """
    places: StreamPlaces = current_app.extensions[EXTENSION]
    return places.take(current_principal().id, origin_of(request.remote_addr))
