"""JSON Web Tokens of a session: made at sign-in, checked at every request.

A token is only as good as its session: each request looks the session up in SQL, so signing out,
a reused refresh token or a disabled user take effect at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask import g, request
from flask_jwt_extended import create_access_token, create_refresh_token, get_jwt
from flask_jwt_extended import verify_jwt_in_request as verify_token
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException
from jwt.exceptions import PyJWTError

from app.domain.names import is_storable
from app.domain.sign_in_errors import SecondFactorRequiredError
from app.errors import AuthenticationError, CsrfError
from app.services.access import Principal
from app.services.identity.sessions import OpenedSession, principal_of
from app.web.context import api_token_caller, bearer_claims, bearer_token, current_context

API_AUDIENCE, CONSOLE_AUDIENCE = "landform", "landform-console"
AUDIENCES = {"headers": API_AUDIENCE, "cookies": CONSOLE_AUDIENCE}
"""Whom a token is for, by where it may stand: none serves in the place of the other."""
SESSION_CLAIM = "sid"
FAMILY_CLAIM = "fam"
# The library checks these when they are there; without them a token would never end.
REQUIRED_CLAIMS = ("exp", "nbf", "iat")
LEEWAY_SECONDS = 60
"""How far the clocks of whoever makes and whoever checks a token may be apart."""
WITHOUT_FACTOR = ("/api/v1/auth/", "/settings/second-factor", "/settings/confirm", "/sign-")
"""Paths for people who must set up a second factor before anything else."""


def issue_access_token(
    opened: OpenedSession,
    lifetime: timedelta | None = None,
    csrf: str | None = None,
    audience: str = API_AUDIENCE,
) -> str:
    """Return an access token.

    Args:
        opened: whose it is.
        lifetime: replaces the configured one.
        audience: whether it is a bearer token of the API or the cookie of the console.
        csrf: the CSRF token of the one that it follows, so that forms in other windows stay good.
    """
    claims = {
        SESSION_CLAIM: opened.session_id,
        "name": opened.principal.name,
        "aud": audience,
    }
    if csrf is not None:
        claims["csrf"] = csrf
    return str(
        create_access_token(
            opened.principal.id,
            additional_claims=claims,
            additional_headers=_key_header(),
            expires_delta=lifetime,
        )
    )


def issue_refresh_token(opened: OpenedSession) -> str:
    """Return the one refresh token of the session that is good from now on."""
    claims = {SESSION_CLAIM: opened.session_id, FAMILY_CLAIM: opened.refresh_jti}
    return str(
        create_refresh_token(
            opened.principal.id, additional_claims=claims, additional_headers=_key_header()
        )
    )


def authenticate(location: str) -> Principal:
    """Check the access token or API token of the present request and remember who asks.

    Args:
        location: ``headers`` (API) or ``cookies`` (console, which also checks the CSRF token of
            a request that writes).

    Raises:
        AuthenticationError: no token, a bad one, or its session has ended.
        CsrfError: the form was not sent by a page of this console.
        SecondFactorRequiredError: the person must set up a second factor first.
    """
    machine = api_token_caller() if location == "headers" else None
    if machine is not None:
        g.principal = machine
        return machine
    _verify(location, refresh=False)
    found = principal_of(current_context(), _claim(SESSION_CLAIM), g.get("request_id"))
    ends = datetime.fromtimestamp(g.claims["exp"], UTC)
    principal = replace(
        found, address=request.remote_addr, expires_at=min(ends, found.expires_at or ends)
    )
    g.principal = principal
    if principal.needs_factor and not request.path.startswith(WITHOUT_FACTOR):
        raise SecondFactorRequiredError("This Landform demands a second factor of your account.")
    return principal


def read_refresh_token() -> tuple[str, str]:
    """Return session id and family member of the refresh token in the request's header.

    Raises:
        AuthenticationError: there is none, or it is bad.
    """
    _verify("headers", refresh=True)
    return _claim(SESSION_CLAIM), _claim(FAMILY_CLAIM)


def _key_header() -> dict[str, str]:
    """Name the key that signs: the first of the ring."""
    return {"kid": next(iter(current_context().settings.signing_keys))}


def _verify(location: str, *, refresh: bool) -> None:
    token = bearer_token() if location == "headers" else None
    try:
        if token is None:
            verify_token(refresh=refresh, locations=[location])
            g.claims = get_jwt()
        else:
            g.claims = bearer_claims(token)
    except CSRFError as error:
        raise CsrfError("The form has no valid CSRF token.") from error
    except (JWTExtendedException, PyJWTError, ValueError) as error:
        raise AuthenticationError(f"The token is missing or not valid: {error}.") from error
    claims = g.claims
    if missing := [name for name in REQUIRED_CLAIMS if name not in claims]:
        raise AuthenticationError(f"The token has no claim {missing[0]!r}.")
    if claims["type"] != ("refresh" if refresh else "access"):
        raise AuthenticationError("The token is of another type.")
    if claims["aud"] != AUDIENCES[location]:
        raise AuthenticationError("The token is meant for another place.")


def _claim(name: str) -> str:
    """Return a claim of the verified token; one of another Landform release may lack it."""
    value = g.claims.get(name)
    if not isinstance(value, str) or not is_storable(value):
        raise AuthenticationError(f"The token has no claim {name!r}.")
    return value
