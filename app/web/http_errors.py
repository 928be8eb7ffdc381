"""Domain error → HTTP, once for the API (problem+json) and the console (a page).

The path decides: ``/api``, ``/healthz``, ``/readyz`` and ``/metrics`` answer JSON (RFC 9457), all
else a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask, Response, g, render_template, request
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, TooManyRequests

from app import errors, exact_json
from app.cel.cel_errors import RulesUnavailableError
from app.db_outages import is_outage
from app.domain.refusal_budget import RefusalKind
from app.domain.state_errors import StateError
from app.errors import LandformError, PermissionDeniedError, UnavailableError
from app.logs import get_logger
from app.services.access import HiddenError
from app.services.refusals import record_refusal
from app.storage.s3_errors import StateBucketError
from app.web.context import current_context

PROBLEM = "application/problem+json"
DOCS = "/api/docs/errors#"
MACHINE_PATHS = ("/api", "/healthz", "/readyz", "/metrics")

STATUS: dict[type[LandformError], int] = {
    errors.ValidationError: 422,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.PreconditionRequiredError: 428,
    errors.PreconditionFailedError: 412,
    errors.AuthenticationError: 401,
    errors.PermissionDeniedError: 403,
    errors.TooManyRequestsError: 429,
    errors.UnavailableError: 503,
    StateBucketError: 503,
    RulesUnavailableError: 503,
    StateError: 409,
}

HTTP_CODES = {
    400: ("malformed_request", "Send a body that is valid JSON."),
    404: ("not_found", "Check the path; the OpenAPI document lists them all."),
    405: ("method_not_allowed", "Use one of the methods in the Allow header."),
    406: ("not_acceptable", "Accept application/json."),
    408: ("request_timeout", "Send the whole request at once; the connection was closed."),
    413: ("body_too_large", "Send a smaller body: at most 1 MiB, a state at most 16 MiB."),
    415: ("unsupported_media_type", "Send application/json and say so in Content-Type."),
    414: ("uri_too_long", "Send a shorter path and query: the first line has at most 8190 bytes."),
    431: ("headers_too_large", "Send fewer or shorter headers."),
    429: ("rate_limited", "Wait as long as Retry-After says, then go on more slowly."),
    500: ("internal_error", LandformError.advice),
}
OTHER_HTTP = ("http_error", "Read what the status means in the HTTP specification (RFC 9110).")

MAX_OBJECT_ID, MAX_REASON = 64, 300
# A request that is wrong ten thousand times has a short answer, too.
MAX_ERRORS, MAX_POINTER, MAX_MESSAGE, MAX_DETAIL = 50, 300, 1000, 4000

log = get_logger(__name__)


@dataclass(frozen=True)
class ErrorCode:
    """One stable code, as ``type`` of a problem points to it."""

    code: str
    status: int | None
    title: str
    advice: str


def register_error_handlers(app: Flask) -> None:
    """Bind the handlers of every kind of error to ``app``."""
    app.register_error_handler(LandformError, _handle_landform)
    app.register_error_handler(HTTPException, _handle_http)
    app.register_error_handler(DBAPIError, _handle_database)
    app.register_error_handler(Exception, _handle_bug)


def status_of(error: LandformError) -> int:
    """Return the HTTP status of a domain error: that of its nearest class in ``STATUS``."""
    for cls in type(error).__mro__:
        if cls in STATUS:
            return STATUS[cls]
    return 500


def problem_body(error: LandformError) -> dict[str, Any]:
    """Return the RFC 9457 object of a domain error."""
    body = _body(
        status_of(error),
        error.code,
        error.title,
        error.detail,
        error.advice,
        [
            {"pointer": _cut(item.pointer, MAX_POINTER), "message": _cut(item.message, MAX_MESSAGE)}
            for item in error.problems[:MAX_ERRORS]
        ],
    )
    if len(error.problems) > MAX_ERRORS:
        body["error_count"] = len(error.problems)
    return body | {"context": error.context} if error.context else body


def error_codes() -> list[ErrorCode]:
    """Return every code that an answer may carry, by name."""
    found = {
        code: ErrorCode(code, status, code.replace("_", " ").capitalize(), advice)
        for status, (code, advice) in HTTP_CODES.items()
    }
    code, advice = OTHER_HTTP
    found[code] = ErrorCode(code, None, "Another HTTP error", advice)
    for error in _tree(LandformError):
        example = error("")
        found[error.code] = ErrorCode(error.code, status_of(example), error.title, error.advice)
    return [found[name] for name in sorted(found)]


def _tree(cls: type[LandformError]) -> list[type[LandformError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in _tree(child))]


def wants_json() -> bool:
    """Tell whether the present request gets JSON errors."""
    return any(
        request.path == path or request.path.startswith(f"{path}/") for path in MACHINE_PATHS
    )


def _challenge() -> str:
    """Say how to sign in, and whether a token was sent at all (RFC 6750 §3)."""
    challenge = 'Bearer realm="landform"'
    is_given = "Authorization" in request.headers
    return f'{challenge}, error="invalid_token"' if is_given else challenge


def _handle_landform(error: LandformError) -> Response:
    status = status_of(error)
    if status >= 500:
        log.error("request_failed", code=error.code, detail=error.detail)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = _challenge()
    if status in (429, 503):
        headers["Retry-After"] = str(error.context.get("retry_after_seconds", 5))
    answer = _answer(problem_body(error), status, headers)
    _record_refusal(error, answer)
    return answer


def _record_refusal(error: LandformError, answer: Response) -> None:
    """Put what a signed-in caller was refused into the audit trail.

    What was hidden from it is written once it has its answer, whose time would else tell a thing of
    another project from one that does not exist, for which nothing is written.
    """
    principal, hidden = g.get("principal"), _hidden(error)
    is_denied = isinstance(error, PermissionDeniedError)
    if principal is None or not (is_denied or hidden):
        return
    record = partial(
        record_refusal,
        current_context(),
        RefusalKind.FOREIGN if hidden else RefusalKind.RIGHT,
        principal,
        "request.refused",
        "request",
        request.path[:MAX_OBJECT_ID],
        project_id=hidden.project_id if hidden else error.context.get("project_id"),
        method=request.method,
        code=error.code,
        reason=error.detail[:MAX_REASON],
    )
    if hidden:
        answer.call_on_close(record)
    else:
        record()


def _hidden(error: BaseException | None) -> HiddenError | None:
    """Return the error that hides a thing, also where a field of a body named it."""
    while error is not None:
        if isinstance(error, HiddenError):
            return error
        error = error.__cause__
    return None


def _handle_http(error: HTTPException) -> Response:
    status = error.code or 500
    code, advice = HTTP_CODES.get(status, OTHER_HTTP)
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = "60"
    detail = str(error.description or error.name)
    if status == 404:
        detail = f"There is nothing at {request.path}."
    return _answer(_body(status, code, error.name, detail, advice, []), status, headers)


def _handle_database(error: DBAPIError) -> Response:
    """The database is away or busy; what was under way was rolled back."""
    if not (is_outage(error) or isinstance(error, OperationalError)):
        return _handle_bug(error)
    log.error("database_unavailable", path=request.path, exc_info=error)
    return _handle_landform(UnavailableError("The database does not answer; nothing was changed."))


def _handle_bug(error: Exception) -> Response:
    log.error(
        "request_crashed",
        path=request.path,
        request_id=g.get("request_id", ""),
        exc_info=error,
    )
    detail = "The log of the web process has the details under this request id."
    body = _body(500, "internal_error", LandformError.title, detail, LandformError.advice, [])
    return _answer(body, 500, {})


def _body(
    status: int, code: str, title: str, detail: str, advice: str, problems: list[dict[str, str]]
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": DOCS + code,
        "title": title,
        "status": status,
        "detail": _cut(detail, MAX_DETAIL),
        "instance": _cut(request.path, MAX_POINTER),
        "code": code,
        "advice": advice,
        "request_id": g.get("request_id", ""),
    }
    if problems:
        body["errors"] = problems
    return body


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _answer(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    if wants_json():
        return Response(exact_json.dumps(body), status, headers, content_type=PROBLEM)
    page = render_template("errors/error.html", problem=body)
    return Response(page, status, headers, content_type="text/html; charset=utf-8")
