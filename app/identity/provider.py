"""Talk to an OpenID Connect provider: find its addresses, send people there, check who came back.

Authorization code flow with PKCE (RFC 7636), state and nonce. Only asymmetric signatures are
believed, so nobody who knows the client's secret can sign for the provider. Owns nothing of users
and roles.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import quote

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from app.config.settings import Settings
from app.domain.addresses import PRIVATE, Network
from app.domain.group_roles import GroupRoles
from app.domain.webhook_target import parse_target
from app.errors import AuthenticationError, ConfigurationError, UnavailableError
from app.identity.connection import ADVICE, ProviderConnection
from app.outbound.client import Resolve, resolve_name

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
CALLBACK = "/sign-in/oidc/callback"
WELL_KNOWN = "/.well-known/openid-configuration"
KEEP_SECONDS = 600.0
RELOAD_SECONDS = 60.0
LEEWAY_SECONDS = 60
MAX_AGE_SECONDS = 600.0
"""How old an ID token may be; it is fetched the moment it was made."""


@dataclass(frozen=True)
class Client:
    """How this Landform is known to the provider at ``issuer``."""

    issuer: str
    id: str
    secret: str
    redirect_uri: str
    scopes: str


def provider_for(settings: Settings) -> IdentityProvider | None:
    """Return the provider that the settings name, or nothing when they name none.

    Raises:
        ConfigurationError: the roles of its groups cannot be read, or the issuer is no address at
            which a provider may be.
    """
    if not settings.oidc_issuer:
        return None
    try:
        GroupRoles.parse(settings.oidc_roles)
    except ValueError as error:
        raise ConfigurationError(f"LANDFORM_OIDC_ROLES: {error}.") from error
    try:
        parse_target(settings.oidc_issuer, PRIVATE)
    except ValueError as error:
        raise ConfigurationError(f"LANDFORM_OIDC_ISSUER: {error}") from error
    return IdentityProvider(
        Client(
            issuer=settings.oidc_issuer,
            id=settings.oidc_client_id,
            secret=settings.oidc_client_secret.get_secret_value(),
            redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
            scopes=settings.oidc_scopes,
        ),
        settings.oidc_networks,
    )


@dataclass(frozen=True)
class Flow:
    """The secrets of one sign-in; only the browser that began it has them."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def begin(cls) -> Self:
        """Make new ones."""
        return cls(*(secrets.token_urlsafe(48) for _ in range(3)))

    def to_dict(self) -> dict[str, str]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Metadata:
    """What the provider says of itself, and its keys; ``read_at`` is of the monotonic clock."""

    authorization: str
    token: str
    keys: KeySet
    wants_secret_in_body: bool
    names_itself: bool
    read_at: float


@dataclass
class IdentityProvider:
    """The provider as one client sees it; safe for many threads.

    Args:
        client: how this Landform is known to it.
        allowed: networks in which it may have addresses on another origin than its issuer's.
        resolve: gives the addresses of a name.
    """

    client: Client
    allowed: Sequence[Network] = ()
    resolve: Resolve = resolve_name
    _known: _Metadata | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def _connection(self) -> ProviderConnection:
        return ProviderConnection(self.client.issuer, self.allowed, self.resolve)

    def authorization_url(self, flow: Flow, *, is_fresh: bool = False) -> str:
        """Return where the browser goes to sign in.

        Args:
            flow: the secrets of the sign-in.
            is_fresh: have the provider ask again, and say when it did (OpenID Connect §3.1.2.1).

        Raises:
            UnavailableError: the provider does not answer, or answers nonsense.
        """
        url: str = prepare_grant_uri(
            self._metadata().authorization,
            client_id=self.client.id,
            response_type="code",
            redirect_uri=self.client.redirect_uri,
            scope=self.client.scopes,
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
            **({"prompt": "login", "max_age": "0"} if is_fresh else {}),
        )
        return url

    def is_issuer_of_answer(self, named: str | None) -> bool:
        """Tell whether the answer that a browser brings may be of this provider (RFC 9207).

        Args:
            named: the ``iss`` of the answer; who promises to send it must.

        Raises:
            UnavailableError: the provider does not answer, or answers nonsense.
        """
        if named is None:
            return not self._metadata().names_itself
        return named == self.client.issuer

    def exchange(
        self, flow: Flow, code: str, signed_in_after: float | None = None
    ) -> dict[str, Any]:
        """Exchange a code for the claims of a checked ID token.

        Args:
            flow: the secrets of the sign-in.
            code: what came back.
            signed_in_after: the earliest time, in seconds since 1970, at which the person may have
                signed in at the provider; nothing where it does not matter.

        Raises:
            AuthenticationError: the code is not good, or the ID token is not for us, not of this
                sign-in, not signed by the provider, or too old.
            UnavailableError: the provider does not answer.
        """
        answer = self._ask_for_token(flow, code)
        try:
            claims = self._check(answer, flow, self._metadata())
        except InvalidKeyIdError:  # signed with a key that is newer than what we know
            claims = self._check(answer, flow, self._metadata(older_than=RELOAD_SECONDS))
        _check_times(claims, signed_in_after)
        return claims

    def _check(self, answer: dict[str, Any], flow: Flow, known: _Metadata) -> dict[str, Any]:
        client = self.client
        try:
            token = jwt.decode(str(answer["id_token"]), known.keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": client.issuer},
                    "aud": {"essential": True, "value": client.id},
                    "nonce": {"essential": True, "value": flow.nonce},
                },
                {
                    "client_id": client.id,
                    "nonce": flow.nonce,
                    "access_token": answer.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except InvalidKeyIdError:
            if time.monotonic() - known.read_at > RELOAD_SECONDS:
                raise
            raise _refusal("InvalidKeyIdError") from None
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refusal(type(error).__name__) from error
        return dict(claims)

    def _ask_for_token(self, flow: Flow, code: str) -> dict[str, Any]:
        client, known = self.client, self._metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": flow.verifier,
            "client_id": client.id,
        }
        basic = None
        if client.secret and known.wants_secret_in_body:
            form["client_secret"] = client.secret
        elif client.secret:  # RFC 6749 §2.3.1: both parts are form-encoded first
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            basic = base64.b64encode(pair.encode()).decode()
        return self._connection.send("POST", known.token, form, basic)

    def _metadata(self, older_than: float = KEEP_SECONDS) -> _Metadata:
        with self._lock:
            known = self._known
            if known is None or time.monotonic() - known.read_at > older_than:
                known = self._known = self._discover()
            return known

    def _discover(self) -> _Metadata:
        found = self._connection.send("GET", self.client.issuer.rstrip("/") + WELL_KNOWN)
        if found.get("issuer") != self.client.issuer:  # OpenID Connect Discovery §4.3
            raise UnavailableError("The identity provider calls itself by another issuer.")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        checked = self._connection.checked_address
        try:
            keys = self._connection.send("GET", checked(found["jwks_uri"]))
            return _Metadata(
                checked(found["authorization_endpoint"]),
                checked(found["token_endpoint"]),
                KeySet.import_key_set(keys),  # type: ignore[arg-type]  # checked by it
                "client_secret_basic" not in methods,
                found.get("authorization_response_iss_parameter_supported") is True,
                time.monotonic(),
            )
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise UnavailableError("The identity provider describes itself wrongly.") from error


def _check_times(claims: dict[str, Any], signed_in_after: float | None) -> None:
    """Refuse an ID token that was made long ago, or for an older sign-in than was asked for."""
    if claims["iat"] < time.time() - MAX_AGE_SECONDS - LEEWAY_SECONDS:
        raise _refusal("it was made too long ago")
    if signed_in_after is not None:
        signed_in_at = claims.get("auth_time")
        if not isinstance(signed_in_at, int | float):
            raise _refusal("it does not say when you signed in")
        if signed_in_at < signed_in_after - LEEWAY_SECONDS:
            raise _refusal("you did not sign in anew")


def _refusal(why: str) -> AuthenticationError:
    return AuthenticationError(
        f"What the identity provider says of you cannot be believed ({why}).", advice=ADVICE
    )
