"""Help in place: the documents, and one page for each error code."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template

from app.console.handbook.documents import Document, document_names, read_document
from app.console.shell.pages import pages

GROUPS = {
    "When something goes wrong": ("runbook", "errors", "monitoring", "reliability", "backup"),
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
    "Running Landform": (
        "operations/README",
        "operations/one-host",
        "operations/three-hosts",
        "operations/kubernetes",
        "operations/lost-host",
        "operations/upgrading",
        "configuration",
        "security",
        "blueprints",
        "clouds",
        "aws",
        "gcp",
        "azure",
        "sandbox",
    ),
}
REST = "How Landform is made"


@pages.get("/help")
def show_help() -> str:
    """Show which documents there are."""
    grouped = {name for names in GROUPS.values() for name in names}
    rest = [name for name in document_names() if name not in grouped and "/" not in name]
    groups = {title: _documents(names) for title, names in {**GROUPS, REST: rest}.items()}
    return render_template("handbook/index.html", groups=groups)


def _documents(names: Sequence[str]) -> list[Document]:
    return [read_document(name) for name in names if name in document_names()]
