"""The pages about the API; everything they load is served by Landform itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template

from app.web.http_errors import error_codes

blueprint = Blueprint("documentation", __name__)
METHODS = ("get", "post", "put", "patch", "delete")


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
