"""Help in place: the documents, and one page for each error code."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, send_from_directory
from werkzeug.wrappers import Response

from app.console.documents import DOCS, Document, document_names, read_document, runbook_page
from app.errors import NotFoundError
from app.http_errors import error_codes

GROUPS = {
    "When something goes wrong": ("runbook", "errors", "monitoring", "reliability"),
    "Using Landform": (
        "console",
        "quick-start-curl",
        "quick-start-python",
        "quick-start-typescript",
        "api",
        "drift",
        "state",
        "change-control",
        "webhooks",
        "audit",
        "glossary",
    ),
    "Running Landform": ("configuration", "security", "blueprints", "aws", "sandbox"),
}
REST = "How Landform is made"


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    pages.add_url_rule("/help", view_func=show_help)
    pages.add_url_rule("/help/errors/<code>", view_func=explain_error)
    pages.add_url_rule("/help/images/<picture>", view_func=show_picture)
    pages.add_url_rule("/help/<path:name>", view_func=show_document)


def show_help() -> str:
    """Show which documents there are."""
    grouped = {name for names in GROUPS.values() for name in names}
    rest = [name for name in document_names() if name not in grouped and "/" not in name]
    groups = {title: _documents(names) for title, names in {**GROUPS, REST: rest}.items()}
    return render_template("help/contents.html", groups=groups)


def show_document(name: str) -> str:
    """Show one document."""
    return render_template("help/document.html", document=read_document(name))


def show_picture(picture: str) -> Response:
    """Send a picture of the documents."""
    return send_from_directory(DOCS / "images", picture)


def explain_error(code: str) -> str:
    """Say what an error code means and what to do about it."""
    found = next((item for item in error_codes() if item.code == code), None)
    if found is None:
        raise NotFoundError(f"There is no error code {code!r}.")
    return render_template("help/error.html", item=found, runbook=runbook_page(code))


def _documents(names: Sequence[str]) -> list[Document]:
    return [read_document(name) for name in names if name in document_names()]
