"""Read what every request may carry: page, Idempotency-Key, If-Match, Prefer."""

from __future__ import annotations

import re
from typing import Any

from flask import request

from app.api.http.schemas import Sort
from app.domain.operations import OperationStatus
from app.errors import PreconditionFailedError, PreconditionRequiredError, ValidationError
from app.services.idempotency import RequestIdentity
from app.services.paging import PageRequest
from app.web.context import current_principal

MAX_WAIT_SECONDS = 30
ETAG = re.compile(r'"([0-9]{1,18})(?:\.[0-9a-f]{16})?"')
WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")

WAIT_FOR = re.compile(r"(?:^|[,;\s])wait-for=\"?([^\",;\s]{1,40})\"?(?:$|[,;\s])")


def page_request(query: dict[str, Any]) -> PageRequest:
    """Take limit and cursor out of a parsed query."""
    return PageRequest(query.pop("limit"), query.pop("cursor"))


def is_newest_first(query: dict[str, Any]) -> bool:
    """Take the order out of a parsed query."""
    return bool(query.pop("sort") == Sort.NEWEST)


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


def awaited_status() -> OperationStatus | None:
    """Return the status that the client waits for, beside ``wait``; none to wait for the end.

    Raises:
        ValidationError: there is no such status.
    """
    match = WAIT_FOR.search(request.headers.get("Prefer", ""))
    if match is None:
        return None
    try:
        return OperationStatus(match.group(1))
    except ValueError as error:
        raise ValidationError(
            f"Prefer: {match.group(1)!r} is no status of an operation; they are "
            f"{', '.join(OperationStatus)}."
        ) from error
