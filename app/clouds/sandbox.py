"""Search the sandbox cloud by tag (``docs/sandbox.md``)."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from app.clouds.found import FoundResource
from app.errors import CloudSearchError

TIMEOUT_SECONDS = 10.0
PAGE = 200


def search(credentials: Mapping[str, str], stack_id: str) -> list[FoundResource]:
    """Return what carries the stack's tag.

    Raises:
        CloudSearchError: the sandbox cloud does not answer as it should.
    """
    headers = {"Authorization": f"Bearer {credentials['token']}"}
    query: dict[str, str | int] = {"tag": f"landform:stack={stack_id}", "limit": PAGE}
    found: list[FoundResource] = []
    try:
        with httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
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
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise CloudSearchError(f"The sandbox cloud could not be searched: {error}.") from error
