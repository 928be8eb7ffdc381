"""What an error code means and what to do about it."""

from __future__ import annotations

from flask import render_template

from app.console.handbook.documents import runbook_page
from app.console.shell.pages import pages
from app.errors import NotFoundError
from app.web.http_errors import error_codes


@pages.get("/help/errors/<code>")
def explain_error(code: str) -> str:
    """Say what an error code means and what to do about it."""
    found = next((item for item in error_codes() if item.code == code), None)
    if found is None:
        raise NotFoundError(f"There is no error code {code!r}.")
    return render_template("handbook/error.html", item=found, runbook=runbook_page(code))
