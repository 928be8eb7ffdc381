"""Ask the sandbox cloud: what carries a tag, and whether a token is good (``docs/sandbox.md``).

Whoever made the account chose the endpoint, so its answers are believed no further than they go.
"""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from app import exact_json
from app.clouds.found import FoundResource
from app.clouds.login import CloudLogin
from app.clouds.named import NamedResource
from app.domain.resource_names import STACK_TAG
from app.errors import CloudSearchError
from app.outbound.client import OutboundError, Received, RefusedError

PAGE = 200
MAX_PAGES = 100
SEARCH_SECONDS = 60.0
OWN_TYPES = "sandbox_"
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")
STRANGE = frozenset({"another cloud"})
"""Owns what has an id that this cloud cannot have given."""

# What reading an answer may end in that is JSON of another form.
NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


def find_fault(login: CloudLogin, _region: str) -> str | None:
    """Return what is wrong with the credentials, in words and without any of them, or nothing.

    Everybody who may use the account may read the words, and the endpoint is a credential too.
    """
    try:
        answer = _list(login, {"limit": 1})
    except RefusedError:
        return "The endpoint may not be asked: this host does not allow where it leads."
    except (OutboundError, *NONSENSE):
        return "The endpoint does not answer."
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return "The endpoint does not know the token."
    if answer.status != HTTPStatus.OK:
        return f"The endpoint answers {answer.status}; it must end in /v1."
    return None


def search(login: CloudLogin, _region: str, stack_id: str) -> list[FoundResource]:
    """Return what carries the stack's tag, in whichever region.

    Raises:
        CloudSearchError: the sandbox cloud does not answer as it should; without its credentials.
    """
    query: dict[str, str | int] = {"tag": f"{STACK_TAG}={stack_id}", "limit": PAGE}
    found: list[FoundResource] = []
    pages, deadline = 0, time.monotonic() + SEARCH_SECONDS
    try:
        while pages < MAX_PAGES and time.monotonic() < deadline:
            pages += 1
            answer = _list(login, query)
            if answer.status != HTTPStatus.OK:
                raise CloudSearchError(f"The sandbox cloud answers a search with {answer.status}.")
            page = exact_json.loads(answer.content)
            found += [_resource(item) for item in page["items"]]
            if page.get("next_cursor") is None:
                return found
            query["cursor"] = str(page["next_cursor"])
    except (OutboundError, *NONSENSE) as error:
        reason = type(error).__name__
        raise CloudSearchError(f"The sandbox cloud could not be searched: {reason}.") from error
    raise CloudSearchError(f"The sandbox cloud does not come to an end after {pages} pages.")


def find_owners(
    login: CloudLogin, _region: str, resources: Sequence[NamedResource]
) -> list[frozenset[str]]:
    """Return to which stacks resources belong; see ``app.clouds.owners``.

    Raises:
        CloudSearchError: the sandbox cloud does not answer as it should; without its credentials.
    """
    ids = {item.id for item in resources if item.type.startswith(OWN_TYPES)} - {None}
    owners: dict[str | None, frozenset[str]] = {}
    deadline = time.monotonic() + SEARCH_SECONDS
    try:
        for name in sorted(filter(None, ids)):
            if time.monotonic() > deadline:
                raise CloudSearchError("The sandbox cloud takes too long to say whose these are.")
            owners[name] = _owner_of(login, name)
    except (OutboundError, *NONSENSE) as error:
        reason = type(error).__name__
        raise CloudSearchError(f"The sandbox cloud could not be asked: {reason}.") from error
    return [owners.get(item.id, frozenset()) for item in resources]


def _owner_of(login: CloudLogin, name: str) -> frozenset[str]:
    if not IDENTIFIER.fullmatch(name):
        return STRANGE
    answer = _ask(login, f"/resources/{name}")
    is_absent = answer.status == HTTPStatus.NOT_FOUND
    if is_absent and exact_json.loads(answer.content)["code"] == "resource_not_found":
        return frozenset()
    if answer.status != HTTPStatus.OK:
        raise CloudSearchError(f"The sandbox cloud answers with {answer.status}.")
    tags = exact_json.loads(answer.content)["tags"]
    return frozenset({str(tags[STACK_TAG])} if STACK_TAG in tags else ())


def rehearse() -> None:
    """Load what the first search of a process loads, and ask nobody."""
    codecs.lookup("idna")  # by which any name of a host is encoded


def _resource(item: dict[str, Any]) -> FoundResource:
    if not isinstance(item["attributes"], dict):
        raise TypeError
    return FoundResource(str(item["id"]), f"{OWN_TYPES}{item['type']}", item["attributes"])


def _list(login: CloudLogin, query: dict[str, str | int]) -> Received:
    """Return a page of the list of resources, as it was answered."""
    return _ask(login, f"/resources?{urlencode(query)}")


def _ask(login: CloudLogin, path: str) -> Received:
    """Return what lies at ``path``, as it was answered."""
    headers = {"Authorization": f"Bearer {login.fields['token']}", "Accept": "application/json"}
    answer = login.outbound.send("GET", f"{login.fields['endpoint']}{path}", headers)
    if answer.is_cut:
        raise OutboundError("The answer is too long.")
    return answer
