"""Groups of paths: who may call them, and how their bodies and queries are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, runtime_checkable

import marshmallow
from flask import Request, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from app.api.http.json_body import read_json
from app.api.http.query_parameters import refuse_unknown_parameters
from app.catalog.parameters import to_pointer
from app.domain.mistakes import as_error, beside
from app.errors import FieldProblem, NotFoundError
from app.web.authentication import authenticate

PREFIX = "/api/v1"


class Parser(FlaskParser):
    """webargs that refuses unknown fields everywhere and reports problems with JSON pointers."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012  # an instance variable in webargs' types
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": marshmallow.EXCLUDE,  # refuse_unknown_parameters has refused what is unknown
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

    def handle_error(self, error: marshmallow.ValidationError, *given: Any, **_: Any) -> NoReturn:
        """Turn marshmallow's messages into the project's own error.

        A schema that can ``find_further`` mistakes, which services would find in what is left, is
        asked for them, so that all are told at once.
        """
        problems: Sequence[FieldProblem] = _problems(error.messages)
        _, schema = given  # the request, and what its body or query was read with
        if isinstance(schema, FurtherChecks):
            valid = error.valid_data if isinstance(error.valid_data, dict) else {}
            problems = beside(problems, schema.find_further(valid))
        raise as_error(problems) from error


@runtime_checkable
class FurtherChecks(Protocol):
    """A schema of a body of which more can be said than whether each field has its form."""

    def find_further(self, valid: dict[str, Any]) -> Sequence[FieldProblem]:
        """Return what is wrong with the fields that have their form."""


class ApiBlueprint(Blueprint):
    """A group of paths that needs an access token."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, description: str, *, is_open: bool = False) -> None:
        """Name the group; an open one needs no token."""
        super().__init__(name, __name__, description=description, url_prefix=PREFIX)
        self.before_request(_refuse_nul)
        if not is_open:
            self.before_request(_authenticate)
        self.before_request(refuse_unknown_parameters)


def _authenticate() -> None:
    if request.method != "OPTIONS":  # tells the methods of a path, which the document tells all
        authenticate("headers")


def _refuse_nul() -> None:
    """No name or id holds NUL, and PostgreSQL cannot even be asked for one."""
    if "\x00" in request.path:
        raise NotFoundError("No path has a NUL character.")


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
    if prefix.startswith("?"):
        return prefix  # whichever of its values it is
    return prefix + to_pointer((name,))
