"""Flask extensions, not yet bound to an application; ``app.factory`` binds them."""

from __future__ import annotations

import math
import time
from typing import Any

from flask import Flask, Response
from flask_jwt_extended import JWTManager, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from jwt.exceptions import InvalidKeyError, PyJWTError

from app.errors import AuthenticationError
from app.web.context import api_token_caller, bearer_token, current_context

jwt = JWTManager()


@jwt.decode_key_loader
def find_signing_key(header: dict[str, Any], _claims: dict[str, Any]) -> str:
    """Return the key of the ring that a token names; the header is not to be trusted yet.

    Raises:
        InvalidKeyError: it names none of ours.
    """
    key = current_context().settings.signing_keys.get(str(header.get("kid")))
    if key is None:
        raise InvalidKeyError("it names no key of this Landform")
    return key


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

    Only a token that is ours counts, or whoever invents tokens would never meet a limit.
    """
    given = bearer_token()
    if given is None:
        return get_remote_address()
    try:
        machine = api_token_caller()
        return machine.id if machine else str(decode_token(given)["sub"])
    except (AuthenticationError, JWTExtendedException, PyJWTError, ValueError):
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
