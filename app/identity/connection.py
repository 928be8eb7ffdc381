"""How requests reach the identity provider: to which addresses, how long, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.domain.addresses import PRIVATE, Network
from app.domain.webhook_target import parse_target
from app.errors import AuthenticationError, UnavailableError
from app.outbound.client import (
    OutboundClient,
    OutboundError,
    Received,
    RefusedError,
    Resolve,
    resolve_name,
)

TIMEOUT_SECONDS = 10.0
MAX_BYTES = 1024 * 1024
ADVICE = "Try again; if it happens again, tell whoever operates this Landform."


@dataclass(frozen=True)
class ProviderConnection:
    """Sends requests to the provider at ``issuer``.

    Args:
        issuer: address of the provider, which the operator of the host chose.
        allowed: networks in which it may have addresses on another origin than its issuer's.
        resolve: gives the addresses of a name.
    """

    issuer: str
    allowed: Sequence[Network] = ()
    resolve: Resolve = resolve_name

    def checked_address(self, url: str) -> str:
        """Return an address of the provider, which never is less safe than its issuer.

        Raises:
            ValueError: it is.
        """
        scheme = urlsplit(url).scheme
        if scheme != "https" and scheme != urlsplit(self.issuer).scheme:
            raise ValueError(url)
        return url

    def send(
        self, method: str, url: str, form: Mapping[str, str] | None = None, basic: str | None = None
    ) -> dict[str, Any]:
        """Send one request and return the JSON object of its answer.

        The proxies of the environment are not used, and redirects not followed: a code goes to
        the provider and nowhere else.

        Raises:
            AuthenticationError: the provider refuses what was posted.
            UnavailableError: it does not answer, or not with a JSON object.
        """
        headers = {"Accept": "application/json"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if basic is not None:
            headers["Authorization"] = f"Basic {basic}"
        body = urlencode(form).encode() if form is not None else None
        try:
            answer = self._outbound_to(url).send(method, url, headers, body)
        except RefusedError as error:
            raise UnavailableError(
                "The identity provider has an address that this host does not allow "
                "(LANDFORM_OIDC_ALLOWED_NETWORKS)."
            ) from error
        except OutboundError as error:
            raise UnavailableError("The identity provider does not answer.") from error
        if 400 <= answer.status < 500 and method == "POST":
            raise AuthenticationError(
                "The identity provider did not accept the code.", advice=ADVICE
            )
        found = _read_object(answer)
        if not 200 <= answer.status < 300 or found is None:
            raise UnavailableError(f"The identity provider answers with {answer.status}.")
        return found

    def _outbound_to(self, url: str) -> OutboundClient:
        """Return what carries a request to an address of the provider.

        The operator of the host chose the issuer, so that may be internal. What the provider says
        of itself may not lead elsewhere inside.
        """
        is_issuers = _origin(url) == _origin(self.issuer)
        allowed = PRIVATE if is_issuers else self.allowed
        return OutboundClient(tuple(allowed), self.resolve, TIMEOUT_SECONDS, MAX_BYTES)


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a URL, or nothing when it is not acceptable at all."""
    try:
        target = parse_target(url, PRIVATE)
    except ValueError:
        return None
    return target.scheme, target.host, target.port


def _read_object(answer: Received) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not answer.is_cut else None
