"""Ask the sandbox cloud: what carries a tag, and whether a token is good (``docs/sandbox.md``).

Uses http.client: a client of httpx for each search takes a tenth of what Landform itself does for a
drift check, and one kept between searches would have to know of forks.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection, InvalidURL
from urllib.parse import urlencode, urlsplit

import httpx

from app.clouds.found import FoundResource
from app.errors import CloudSearchError

TIMEOUT_SECONDS = 10.0
PAGE = 200
# An administrator may have given any text as endpoint and token.
TROUBLE = (OSError, HTTPException, ValueError)


def find_fault(credentials: Mapping[str, str], _region: str) -> str | None:
    """Return what is wrong with the credentials, in words and without any of them, or nothing.

    Everybody who is signed in may read the words, and the endpoint is a credential too.
    """
    try:
        with closing(_connect(credentials["endpoint"])) as connection:
            status, _ = _ask(connection, credentials, {"limit": 1})
    except TROUBLE as error:
        return f"The endpoint does not answer: {type(error).__name__}."
    if status == HTTPStatus.UNAUTHORIZED:
        return "The endpoint does not know the token."
    if status != HTTPStatus.OK:
        return f"The endpoint answers {status}; it must end in /v1."
    return None


def search(credentials: Mapping[str, str], _region: str, stack_id: str) -> list[FoundResource]:
    """Return what carries the stack's tag, in whichever region.

    Raises:
        CloudSearchError: the sandbox cloud does not answer as it should; without its credentials.
    """
    query: dict[str, str | int] = {"tag": f"landform:stack={stack_id}", "limit": PAGE}
    found: list[FoundResource] = []
    try:
        with closing(_connect(credentials["endpoint"])) as connection:
            while True:
                status, content = _ask(connection, credentials, query)
                if status != HTTPStatus.OK:
                    raise CloudSearchError(f"The sandbox cloud answers a search with {status}.")
                page = json.loads(content)
                found += [
                    FoundResource(item["id"], f"sandbox_{item['type']}", item["attributes"])
                    for item in page["items"]
                ]
                if page.get("next_cursor") is None:
                    return found
                query["cursor"] = page["next_cursor"]
    except (*TROUBLE, AttributeError, KeyError, TypeError) as error:
        reason = type(error).__name__
        raise CloudSearchError(f"The sandbox cloud could not be searched: {reason}.") from error


def rehearse() -> None:
    """Load what the first search of a process loads, and ask nobody."""
    codecs.lookup("idna")  # by which any name of a host is encoded


def _connect(endpoint: str) -> HTTPConnection:
    """Return a connection, not opened yet; over TLS for a host whose certificate is good."""
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise InvalidURL
    if url.scheme == "http":
        return HTTPConnection(url.hostname, url.port, timeout=TIMEOUT_SECONDS)
    # Reading the list of authorities takes longer than all else; plain HTTP does without.
    context = httpx.create_ssl_context(trust_env=False)
    return HTTPSConnection(url.hostname, url.port, timeout=TIMEOUT_SECONDS, context=context)


def _ask(
    connection: HTTPConnection, credentials: Mapping[str, str], query: Mapping[str, str | int]
) -> tuple[int, bytes]:
    """Return the status and the content of a page of the list of resources."""
    path = urlsplit(credentials["endpoint"]).path
    headers = {"Authorization": f"Bearer {credentials['token']}", "Accept": "application/json"}
    connection.request("GET", f"{path}/resources?{urlencode(query)}", headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
