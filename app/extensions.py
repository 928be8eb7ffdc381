"""Flask extensions, not yet bound to an application; ``app.factory`` binds them."""

from __future__ import annotations

import math
import time

from flask import Flask, Response, request
from flask_jwt_extended import JWTManager, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from jwt.exceptions import PyJWTError
from werkzeug.datastructures import Authorization

from app.web_context import current_context

jwt = JWTManager()


class RequestLimiter(Limiter):
    """Counts requests, and says in each answer how many are left and for how long.

    flask-limiter's own headers give the reset as a clock time, and a Retry-After with every answer.
    """

    def init_app(self, app: Flask) -> None:
        """Bind to ``app``, with our headers instead of the library's."""
        app.config["RATELIMIT_HEADERS_ENABLED"] = False
        super().init_app(app)
        app.after_request(self._tell)

    def _tell(self, response: Response) -> Response:
        limit = self.current_limit
        if limit is None:
            return response
        seconds = str(max(1, math.ceil(limit.reset_at - time.time())))
        response.headers["RateLimit-Limit"] = str(limit.limit.amount)
        response.headers["RateLimit-Remaining"] = str(max(0, limit.remaining))
        response.headers["RateLimit-Reset"] = seconds
        if limit.breached:
            response.headers["Retry-After"] = seconds
        return response


def caller() -> str:
    """Return whose requests are counted together: a user by its token, else an address.

    Only a token that we signed counts, or whoever invents tokens would never meet a limit.
    """
    given = Authorization.from_header(request.headers.get("Authorization"))
    if given is None or given.type != "bearer" or not given.token:
        return get_remote_address()
    try:
        return str(decode_token(given.token)["sub"])
    except (JWTExtendedException, PyJWTError, ValueError):
        return get_remote_address()


def api_rate() -> str:
    """Return how many requests one caller may make, whatever the path."""
    return current_context().settings.api_rate


limiter = RequestLimiter(
    key_func=caller,
    application_limits=[api_rate],
    storage_uri="memory://",  # one web process; it must work while Redis is away
    strategy="moving-window",
)
