"""The gate for query parameters: a request that names an unknown one does nothing.

Runs before the view of every operation, also of those that take no parameter: ``?dry_run=true`` on
an operation that knows no such thing must not do the work for real. Which ones an operation takes
is read from the schemas that also make the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import current_app, request
from marshmallow.fields import Field, List

from app.domain.names import NOT_STORABLE, is_storable
from app.errors import FieldProblem, ValidationError

DRY_RUN = "dry_run"
DRY_RUN_MARK = "x-dry-run"
MAX_QUERY_BYTES = 8192
MAX_NAME_SHOWN = 64


def refuse_unknown_parameters() -> None:
    """Refuse the present request if its query is not one that its operation takes.

    Raises:
        ValidationError: a parameter is unknown, given twice or not text, or all are too long.
    """
    if not request.query_string or request.method == "OPTIONS":
        return
    if len(request.query_string) > MAX_QUERY_BYTES:
        raise ValidationError.at("?", f"The query has more than {MAX_QUERY_BYTES} bytes.")
    view = current_app.view_functions[request.endpoint or ""]
    known = known_parameters(view, request.method)
    several = repeatable_parameters(view, request.method)
    problems = tuple(
        FieldProblem(f"?{name[:MAX_NAME_SHOWN]}", message)
        for name, values in request.args.lists()
        if (message := _fault(name, values, known, several))
    )
    if problems:
        detail = f"{problems[0].pointer}: {problems[0].message}"
        raise ValidationError(detail, problems=problems)


def known_parameters(view: Callable[..., Any], method: str) -> frozenset[str]:
    """Return the names of the query parameters that an operation takes.

    Args:
        view: what Flask calls for the path.
        method: the HTTP method; HEAD is GET without the body.
    """
    return _known(_operation(view, method))


def repeatable_parameters(view: Callable[..., Any], method: str) -> frozenset[str]:
    """Return the names of those that may be given several times; arguments as above."""
    return _repeatable(_operation(view, method))


def _operation(view: Callable[..., Any], method: str) -> Callable[..., Any]:
    name = "get" if method == "HEAD" else method.lower()
    operation: Callable[..., Any] = getattr(getattr(view, "view_class", None), name, view)
    return operation


def _fields(operation: Callable[..., Any]) -> dict[str, Field[Any]]:
    told = getattr(operation, "_apidoc", {}).get("arguments", {}).get("parameters", ())
    schemas = [item["schema"] for item in told if item["in"] == "query"]
    return {name: field for schema in schemas for name, field in schema().load_fields.items()}


@cache
def _repeatable(operation: Callable[..., Any]) -> frozenset[str]:
    fields = _fields(operation).items()
    return frozenset(field.data_key or name for name, field in fields if isinstance(field, List))


@cache
def _known(operation: Callable[..., Any]) -> frozenset[str]:
    fields = _fields(operation).items()
    marks = getattr(operation, "_apidoc", {}).get("manual_doc", {})
    of_all = {DRY_RUN} if DRY_RUN_MARK in marks else set()
    return frozenset(field.data_key or name for name, field in fields) | of_all


def _fault(
    name: str, values: list[str], known: frozenset[str], several: frozenset[str]
) -> str | None:
    if name not in known:
        return "Unknown parameter."
    if len(values) > 1 and name not in several:
        return "Is given more than once."
    return None if all(map(is_storable, values)) else NOT_STORABLE
