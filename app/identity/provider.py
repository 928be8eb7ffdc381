"""Talk to an OpenID Connect provider: find its addresses, send people there, check who came back.

Authorization code flow with PKCE (RFC 7636), state and nonce. Only asymmetric signatures are
believed, so nobody who knows the client's secret can sign for the provider. Owns nothing of users
and roles.
"""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from app.domain.group_roles import GroupRoles
from app.errors import AuthenticationError, ConfigurationError, UnavailableError
from app.settings import Settings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
CALLBACK = "/sign-in/oidc/callback"
WELL_KNOWN = "/.well-known/openid-configuration"
TIMEOUT_SECONDS = 10.0
KEEP_SECONDS = 600.0
RELOAD_SECONDS = 60.0
LEEWAY_SECONDS = 60
MAX_BYTES = 1024 * 1024
ADVICE = "Try again; if it happens again, tell whoever operates this Landform."


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
        ConfigurationError: the roles of its groups cannot be read.
    """
    if not settings.oidc_issuer:
        return None
    try:
        GroupRoles.parse(settings.oidc_roles)
    except ValueError as error:
        raise ConfigurationError(f"LANDFORM_OIDC_ROLES: {error}.") from error
    return IdentityProvider(
        Client(
            issuer=settings.oidc_issuer,
            id=settings.oidc_client_id,
            secret=settings.oidc_client_secret.get_secret_value(),
            redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
            scopes=settings.oidc_scopes,
        )
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
    read_at: float


@dataclass
class IdentityProvider:
    """The provider as one client sees it; safe for many threads."""

    client: Client
    _known: _Metadata | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def authorization_url(self, flow: Flow) -> str:
        """Return where the browser goes to sign in.

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
        )
        return url

    def exchange(self, flow: Flow, code: str) -> dict[str, Any]:
        """Exchange a code for the claims of a checked ID token.

        Raises:
            AuthenticationError: the code is not good, or the ID token is not for us, not of this
                sign-in, not signed by the provider, or too old.
            UnavailableError: the provider does not answer.
        """
        answer = self._ask_for_token(flow, code)
        try:
            return self._check(answer, flow, self._metadata())
        except InvalidKeyIdError:  # signed with a key that is newer than what we know
            return self._check(answer, flow, self._metadata(older_than=RELOAD_SECONDS))

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
        auth = None
        if client.secret and known.wants_secret_in_body:
            form["client_secret"] = client.secret
        elif client.secret:  # RFC 6749 §2.3.1: both parts are form-encoded first
            auth = httpx.BasicAuth(quote(client.id, safe=""), quote(client.secret, safe=""))
        return self._send("POST", known.token, data=form, auth=auth)

    def _metadata(self, older_than: float = KEEP_SECONDS) -> _Metadata:
        with self._lock:
            known = self._known
            if known is None or time.monotonic() - known.read_at > older_than:
                known = self._known = self._discover()
            return known

    def _discover(self) -> _Metadata:
        found = self._send("GET", self.client.issuer.rstrip("/") + WELL_KNOWN)
        if found.get("issuer") != self.client.issuer:  # OpenID Connect Discovery §4.3
            raise UnavailableError("The identity provider calls itself by another issuer.")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        try:
            return _Metadata(
                self._address(found["authorization_endpoint"]),
                self._address(found["token_endpoint"]),
                KeySet.import_key_set(self._send("GET", self._address(found["jwks_uri"]))),  # type: ignore[arg-type]  # checked by it
                "client_secret_basic" not in methods,
                time.monotonic(),
            )
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise UnavailableError("The identity provider describes itself wrongly.") from error

    def _address(self, url: str) -> str:
        """Return an address of the provider, which never is less safe than its issuer."""
        scheme = urlsplit(url).scheme
        if scheme != "https" and scheme != urlsplit(self.client.issuer).scheme:
            raise ValueError(url)
        return url

    def _send(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """Send one request and return the JSON object of its answer.

        The proxies of the environment are not used, and redirects not followed: a code goes to
        the provider and nowhere else.
        """
        verify = ssl.create_default_context()
        try:
            with httpx.Client(verify=verify, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
                answer = http.request(
                    method, url, headers={"Accept": "application/json"}, **options
                )
                body = answer.json() if len(answer.content) <= MAX_BYTES else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UnavailableError(
                f"The identity provider does not answer ({type(error).__name__})."
            ) from error
        if answer.is_client_error and method == "POST":
            raise AuthenticationError(
                "The identity provider did not accept the code.", advice=ADVICE
            )
        if not answer.is_success or not isinstance(body, dict):
            raise UnavailableError(f"The identity provider answers with {answer.status_code}.")
        return body


def _refusal(why: str) -> AuthenticationError:
    return AuthenticationError(
        f"What the identity provider says of you cannot be believed ({why}).", advice=ADVICE
    )
