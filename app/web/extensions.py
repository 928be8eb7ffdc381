"""Flask extensions, not yet bound to an application; ``app.factory`` binds them."""

from __future__ import annotations

import math
import time
from typing import Any

from flask import Flask, Response, current_app, g
from flask_jwt_extended import JWTManager
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from jwt.exceptions import InvalidKeyError, PyJWTError
from limits.strategies import RateLimiter

from app.domain.sign_in_pace import origin_of
from app.errors import AuthenticationError
from app.limits.request_rates import OneRequest, RequestRates
from app.limits.shared_redis import SharedRedis
from app.web.context import api_token_caller, bearer_claims, bearer_token, current_context

RATES = "landform_request_rates"

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

    @property
    def limiter(self) -> RateLimiter:
        """What counts for the present request, instead of the library's one for all."""
        if "request_rates" not in g:
            g.request_rates = OneRequest(current_app.extensions[RATES])
        rates: OneRequest = g.request_rates
        return rates

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


def provide_rates(app: Flask, shared: SharedRedis) -> None:
    """Have the requests to ``app`` counted together with those to all other web processes."""
    app.extensions[RATES] = RequestRates(shared)


def caller() -> str:
    """Return whose requests are counted together: a user by its token, else an address.

    An IPv6 /64 network is one address, or one customer would have as many limits as addresses.
    Only a token that is ours counts, or whoever invents tokens would never meet a limit.
    """
    given = bearer_token()
    if given is None:
        return origin_of(get_remote_address())
    try:
        machine = api_token_caller()
        return machine.id if machine else str(bearer_claims(given)["sub"])
    except (AuthenticationError, JWTExtendedException, PyJWTError, ValueError):
        return origin_of(get_remote_address())


def api_rate() -> str:
    """Return how many requests one caller may make, whatever the path."""
    return current_context().settings.api_rate


limiter = RequestLimiter(
    key_func=caller,
    application_limits=[api_rate],
    storage_uri="memory://",  # not used: ``RequestLimiter.limiter`` counts
)
