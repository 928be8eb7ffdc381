"""The pages about the API; everything they load is served by Landform itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, render_template

from app.errors import LandformError
from app.http_errors import HTTP_CODES, OTHER_HTTP, status_of

blueprint = Blueprint("documentation", "app.api.documentation")
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class ErrorCode:
    """One stable code, as ``type`` of a problem points to it."""

    code: str
    status: int | None
    title: str
    advice: str


@blueprint.get("/api/docs")
def show() -> str:
    """Show every operation of the API on one page."""
    document = current_app.extensions["landform_api"].document()
    return render_template(
        "api/docs.html", document=document, groups=_by_tag(document), schemas=_schemas(document)
    )


@blueprint.get("/api/docs/errors")
def show_errors() -> str:
    """Show every error code; the ``type`` of each problem points here."""
    return render_template("api/errors.html", codes=error_codes())


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


def _by_tag(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations in the groups and the order of the document."""
    groups: dict[str, dict[str, Any]] = {
        tag["name"]: {**tag, "operations": []} for tag in document["tags"]
    }
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                entry = {"path": path, "method": method.upper(), **item[method]}
                entry["parameters"] = item.get("parameters", []) + entry.get("parameters", [])
                groups[entry["tags"][0]]["operations"].append(entry)
    return list(groups.values())


def _schemas(document: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = document["components"]["schemas"]
    return dict(sorted(schemas.items()))
