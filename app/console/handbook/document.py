"""One document of the handbook, and its pictures."""

from __future__ import annotations

from flask import render_template, send_from_directory
from werkzeug.wrappers import Response

from app.console.handbook.documents import DOCS, read_document
from app.console.shell.pages import pages


@pages.get("/help/<path:name>")
def show_document(name: str) -> str:
    """Show one document."""
    return render_template("handbook/document.html", document=read_document(name))


@pages.get("/help/images/<picture>")
def show_picture(picture: str) -> Response:
    """Send a picture of the documents."""
    return send_from_directory(DOCS / "images", picture)
