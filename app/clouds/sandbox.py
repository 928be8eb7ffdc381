"""Ask the sandbox cloud: what carries a tag, and whether a token is good (``docs/sandbox.md``)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpx

from app.clouds.found import FoundResource
from app.errors import CloudSearchError

TIMEOUT_SECONDS = 10.0
PAGE = 200
# An administrator may have given any text as endpoint and token.
TROUBLE = (httpx.HTTPError, httpx.InvalidURL, ValueError)


def find_fault(credentials: Mapping[str, str], _region: str) -> str | None:
    """Return what is wrong with the credentials, in words and without any of them, or nothing.

    Everybody who is signed in may read the words, and the endpoint is a credential too.
    """
    try:
        with _client(credentials) as client:
            answer = client.get(f"{credentials['endpoint']}/resources", params={"limit": 1})
    except TROUBLE as error:
        return f"The endpoint does not answer: {type(error).__name__}."
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return "The endpoint does not know the token."
    if answer.status_code != httpx.codes.OK:
        return f"The endpoint answers {answer.status_code}; it must end in /v1."
    return None


def search(credentials: Mapping[str, str], _region: str, stack_id: str) -> list[FoundResource]:
    """Return what carries the stack's tag, in whichever region.

    Raises:
        CloudSearchError: the sandbox cloud does not answer as it should.
    """
    query: dict[str, str | int] = {"tag": f"landform:stack={stack_id}", "limit": PAGE}
    found: list[FoundResource] = []
    try:
        with _client(credentials) as client:
            while True:
                answer = client.get(f"{credentials['endpoint']}/resources", params=query)
                answer.raise_for_status()
                page = answer.json()
                found += [
                    FoundResource(item["id"], f"sandbox_{item['type']}", item["attributes"])
                    for item in page["items"]
                ]
                if page.get("next_cursor") is None:
                    return found
                query["cursor"] = page["next_cursor"]
    except (*TROUBLE, KeyError, TypeError) as error:
        raise CloudSearchError(f"The sandbox cloud could not be searched: {error}.") from error


def rehearse() -> None:
    """Load what the first client of a process loads, and ask nobody."""
    _client({"endpoint": "http://localhost", "token": ""}).close()


def _client(credentials: Mapping[str, str]) -> httpx.Client:
    headers = {"Authorization": f"Bearer {credentials['token']}"}
    return httpx.Client(
        headers=headers,
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
        verify=_tls_for(credentials["endpoint"]),
    )


def _tls_for(endpoint: str) -> ssl.SSLContext:
    """Return how certificates are verified; for plain HTTP a context that trusts nobody.

    Reading the list of authorities takes a fifth of what Landform itself does for a drift check.
    """
    is_plain = endpoint.startswith("http:")
    return (
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if is_plain
        else httpx.create_ssl_context(trust_env=False)
    )
