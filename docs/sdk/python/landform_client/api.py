"""Any request to one Landform: signed in, repeated where that is safe, lists page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import httpx

from landform_client.answers import Tokens
from landform_client.sign_in import FixedToken, Session, SignIn
from landform_client.transport import Answer, Retry, Transport
from landform_client.version import VERSION


class Api:
    """Sends requests to one Landform; ``Landform`` has a method for each thing that people do.

    Threads may share it. Close it, or use it in a ``with`` block.

    Args:
        url: where it is, such as ``https://landform.example.com``.
        token: an API token (``lft_…``) or an access token; else call ``sign_in``.
        retry: how requests are repeated.
        timeout_seconds: how long to wait for an answer, at least 30 s for ``wait_for``.
        http: an ``httpx.Client`` with settings of your own: proxies, certificates, transports. Its
            base URL and User-Agent are set.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        token: str | None = None,
        *,
        retry: Retry = Retry(),  # noqa: B008  frozen
        timeout_seconds: float = 60.0,
        http: httpx.Client | None = None,
    ) -> None:
        http = http or httpx.Client(timeout=timeout_seconds)
        http.base_url = url
        http.headers["User-Agent"] = f"landform-client/{VERSION}"
        self.url = url.rstrip("/")
        self.transport = Transport(http, retry)
        self.transport.sign_in = FixedToken(token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a session stays good until ``sign_out`` or its end."""
        self.transport.http.close()

    # Signing in

    def sign_in(self, username: str, password: str, totp: str | None = None) -> Session:
        """Sign in by name and password; tokens are renewed by themselves from then on.

        Args:
            username: the name.
            password: of that user.
            totp: a code of the second factor, where there is one.

        Raises:
            NotSignedInError: one of them is wrong (``totp_required``: the code is missing).
        """
        body = {"username": username, "password": password}
        if totp is not None:
            body["totp"] = totp
        tokens = self.transport.authenticate("/auth/login", body)
        session = Session(tokens, self.renew_tokens)
        self.use(session)
        return session

    def renew_tokens(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token, which works once, for new tokens."""
        return self.transport.authenticate("/auth/refresh", bearer=refresh_token)

    def use(self, sign_in: SignIn) -> None:
        """Sign requests in by ``sign_in`` from now on."""
        self.transport.sign_in = sign_in

    def sign_out(self) -> None:
        """End the session; nothing is signed in afterwards."""
        self.send("POST", "/auth/logout")
        self.use(FixedToken(None))

    # Any path

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Answer:
        """Send any request: see ``Transport.send``."""
        return self.transport.send(method, path, query=query, body=body, headers=headers, key=key)

    def read(self, path: str, **query: Any) -> Any:
        """Return the JSON of one thing."""
        return self.send("GET", path, query=query).body

    def iterate(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield everything in a list, page by page as it is used."""
        while True:
            page = self.read(path, **query)
            yield from page["items"]
            if page.get("next_cursor") is None:
                return
            query["cursor"] = page["next_cursor"]
