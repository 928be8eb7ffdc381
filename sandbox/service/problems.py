"""Owns how an error becomes an answer: RFC 9457 problem+json with a stable `code`.

The one place that knows the HTTP status of each domain error.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Response
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from sandbox.service import errors
from sandbox.service.errors import FieldFault, SandboxError

STATUS: dict[type[SandboxError], int] = {
    errors.InvalidTokenError: 401,
    errors.ResourceNotFoundError: 404,
    errors.InvalidResourceError: 422,
    errors.ImmutableAttributeError: 422,
    errors.InvalidQueryError: 422,
    errors.NameTakenError: 409,
    errors.DependencyViolationError: 409,
    errors.AddressesExhaustedError: 409,
    errors.QuotaExceededError: 409,
    errors.AccountExistsError: 409,
    errors.UnsupportedMediaTypeError: 415,
    errors.InjectedFaultError: 500,
}

HTTP_CODES = {
    400: "invalid_json",
    404: "path_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    500: "internal_error",
}


class ProblemApi(Api):
    """flask-smorest's API object, with problem+json for every error of the application."""

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer an HTTP error raised by Flask, webargs or an uncaught exception."""
        status = error.code or 500
        detail = error.description or error.name
        faults = tuple(_list_faults(getattr(error, "data", None) or {}))
        if faults:
            detail = "The request is not valid."
        code = HTTP_CODES.get(status, error.name.lower().replace(" ", "_"))
        response = make_problem(status, code, detail, faults)
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after"):
                response.headers[name] = value
        return response


def answer_sandbox_error(error: SandboxError) -> Response:
    """Answer a domain error."""
    response = make_problem(STATUS[type(error)], error.code, error.detail, error.faults)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def make_problem(
    status: int, code: str, detail: str, faults: tuple[FieldFault, ...] = ()
) -> Response:
    """Build a problem+json answer; `faults` become `errors: [{pointer, message}]`."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if faults:
        body["errors"] = [{"pointer": f.pointer, "message": f.message} for f in faults]
    return Response(json.dumps(body), status=status, content_type="application/problem+json")


def _list_faults(data: dict[str, Any]) -> list[FieldFault]:
    """Flatten webargs' messages, `{location: {field: [message]}}`, into pointers."""
    messages = data.get("messages")
    if not isinstance(messages, dict):
        return []
    return [fault for nested in messages.values() for fault in _flatten(nested, "")]


def _flatten(nested: object, pointer: str) -> list[FieldFault]:
    if isinstance(nested, dict):
        return [
            fault
            for key, value in nested.items()
            for fault in _flatten(value, pointer if key == "_schema" else f"{pointer}/{key}")
        ]
    texts = nested if isinstance(nested, list) else [nested]
    return [FieldFault(pointer, str(text)) for text in texts]
