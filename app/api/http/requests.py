"""Read what every request may carry: page, Idempotency-Key, If-Match, Prefer."""

from __future__ import annotations

import re
from typing import Any

from flask import request

from app.errors import PreconditionFailedError, PreconditionRequiredError
from app.services.idempotency import RequestIdentity
from app.services.paging import PageRequest
from app.web.context import current_principal

MAX_WAIT_SECONDS = 30
ETAG = re.compile(r'"([0-9]{1,18})(?:\.[0-9a-f]{16})?"')
WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")


def page_request(query: dict[str, Any]) -> PageRequest:
    """Take limit and cursor out of a parsed query."""
    return PageRequest(query.pop("limit"), query.pop("cursor"))


def request_identity() -> RequestIdentity:
    """Return what makes a repetition of this request recognisable.

    Raises:
        ValidationError: the Idempotency-Key is malformed.
    """
    return RequestIdentity.of(
        current_principal(),
        request.headers.get("Idempotency-Key"),
        request.method,
        request.full_path,
        request.get_data(cache=True),
    )


def expected_version() -> int | None:
    """Return the version that If-Match demands; ``None`` for ``*``.

    Raises:
        PreconditionRequiredError: the header is missing.
        PreconditionFailedError: it is no ETag that this API gives out.
    """
    header = request.headers.get("If-Match")
    if header is None:
        raise PreconditionRequiredError("PATCH and DELETE need If-Match with the ETag you read.")
    if header.strip() == "*":
        return None
    match = ETAG.fullmatch(header.strip())
    if match is None:
        raise PreconditionFailedError(f"{header!r} is not the ETag of this resource.")
    return int(match.group(1))


def wait_seconds() -> int:
    """Return how long the client would like the answer to wait (RFC 7240), at most 30 s."""
    match = WAIT.search(request.headers.get("Prefer", ""))
    return min(int(match.group(1)), MAX_WAIT_SECONDS) if match else 0
