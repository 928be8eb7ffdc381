"""What a client is told whose request never reaches the application: it is no HTTP, or too long.

gunicorn would answer with a page of HTML. The answer is a problem as everywhere, since a path is
not known, or not to be trusted.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from ulid import ULID

from app import exact_json
from app.web.http_errors import DOCS, HTTP_CODES, OTHER_HTTP, PROBLEM

BAD_REQUEST = 400
STATUS: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ExpectationFailed: 417,
    errors.ForbiddenProxyRequest: 403,
}
OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
)
"""Faults of this side that have the class of those of clients."""

MAX_DETAIL = 300


def status_of_refusal(error: BaseException) -> int | None:
    """Return the status of what gunicorn finds wrong with a request; none for other errors."""
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return status
    is_ours = isinstance(error, OURS) or not isinstance(error, errors.ParseException)
    return None if is_ours else BAD_REQUEST


def refusal(status: int, detail: str) -> bytes:
    """Return a whole HTTP answer after which the connection is closed.

    Args:
        status: of HTTP.
        detail: what is wrong; may hold what the client sent, which JSON makes harmless.
    """
    code, advice = HTTP_CODES.get(status, OTHER_HTTP)
    request_id = str(ULID()).lower()
    body: dict[str, Any] = {
        "type": f"{DOCS}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail[:MAX_DETAIL] or HTTPStatus(status).phrase,
        "instance": "",
        "code": code,
        "advice": advice,
        "request_id": request_id,
    }
    data = exact_json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {PROBLEM}\r\nContent-Length: {len(data)}\r\n"
        f"X-Request-Id: {request_id}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + data
