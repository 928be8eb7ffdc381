"""Read what every request may carry: credentials, page, Idempotency-Key, If-Match, Prefer."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import marshmallow
from flask import Request, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from app.api.json_body import BAD_TEXT, read_json
from app.authentication import authenticate
from app.domain.names import is_storable
from app.errors import (
    FieldProblem,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    ValidationError,
)
from app.services.idempotency import RequestIdentity
from app.services.pages import PageRequest
from app.web_context import current_principal

MAX_WAIT_SECONDS = 30
ETAG = re.compile(r'"([0-9]{1,18})"')
WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")


class Parser(FlaskParser):
    """webargs that refuses unknown fields everywhere and reports problems with JSON pointers."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012  # an instance variable in webargs' types
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": marshmallow.RAISE,
        "json": marshmallow.RAISE,
    }

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:
        """Return the JSON body; none at all counts as an empty object.

        Raises:
            UnsupportedMediaType, BadRequest, ValidationError: it is not JSON that can be taken.
        """
        data = req.get_data(cache=True)
        if not data:
            return {}
        if not req.is_json:
            raise UnsupportedMediaType("The body must be application/json.")
        return read_json(data)

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:
        """Return the query parameters.

        Raises:
            ValidationError: one is given twice, or holds NUL.
        """
        problems = [
            FieldProblem(f"?{name}", message)
            for name, values in req.args.lists()
            if (message := _query_fault(name, values))
        ]
        if problems:
            detail = f"{problems[0].pointer}: {problems[0].message}"
            raise ValidationError(detail, problems=tuple(problems))
        return super().load_querystring(req, schema)

    def handle_error(self, error: marshmallow.ValidationError, *_: Any, **__: Any) -> NoReturn:
        """Turn marshmallow's messages into the project's own error."""
        problems = tuple(_problems(error.messages))
        detail = "; ".join(f"{item.pointer}: {item.message}" for item in problems[:3])
        raise ValidationError(detail, problems=problems) from error


class ApiBlueprint(Blueprint):
    """A group of paths that needs an access token."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, description: str, *, is_open: bool = False) -> None:
        """Name the group; an open one needs no token."""
        super().__init__(name, f"app.api.{name}", description=description, url_prefix="/api/v1")
        self.before_request(_refuse_nul)
        if not is_open:
            self.before_request(_authenticate)


def page_request(query: dict[str, Any]) -> PageRequest:
    """Take limit and cursor out of a parsed query."""
    return PageRequest(query.pop("limit"), query.pop("cursor"))


def request_identity() -> RequestIdentity:
    """Return what makes a repetition of this request recognisable.

    Raises:
        ValidationError: the Idempotency-Key is malformed.
    """
    principal = current_principal()
    return RequestIdentity.of(
        principal.token_id or principal.id,  # a token must not be given answers beyond its scopes
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


def _authenticate() -> None:
    if request.method != "OPTIONS":  # tells the methods of a path, which the document tells all
        authenticate("headers")


def _refuse_nul() -> None:
    """No name or id holds NUL, and PostgreSQL cannot even be asked for one."""
    if "\x00" in request.path:
        raise NotFoundError("No path has a NUL character.")


def _query_fault(name: str, values: list[str]) -> str | None:
    if len(values) > 1:
        return "Is given more than once."
    return None if is_storable(name + values[0]) else BAD_TEXT


def _problems(messages: Any, prefix: str = "") -> list[FieldProblem]:
    if isinstance(messages, dict):
        found = []
        for name, inner in messages.items():
            found += _problems(inner, _extend(prefix, name))
        return found
    texts = messages if isinstance(messages, list) else [messages]
    return [FieldProblem(prefix.removesuffix("/_schema"), str(text)) for text in texts]


def _extend(prefix: str, name: Any) -> str:
    if not prefix and name in ("json", "query", "headers"):
        return "?" if name == "query" else ""
    if prefix == "?":
        return f"?{name}"
    return f"{prefix}/{str(name).replace('~', '~0').replace('/', '~1')}"
