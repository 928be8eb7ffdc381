"""The inbox: a list to work through, and the way from one decision to the next."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.inbox.read import read_inbox
from app.console.shell.list_requests import wanted_text
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/inbox")
def show_inbox() -> str:
    """List what waits for a decision of the caller."""
    rows = read_inbox(current_context(), current_principal())
    return render_template("inbox/index.html", rows=rows)


@pages.get("/inbox/next")
def go_to_next() -> Response:
    """Go to the decision after that of the page that asks, or back to the list at the end.

    ``after`` is the address of that page; with ``back`` the one before it is wanted.
    """
    addresses = [row.href for row in read_inbox(current_context(), current_principal())]
    here = wanted_text("after", 200)
    if "back" in request.args:
        addresses.reverse()
    place = addresses.index(here) + 1 if here in addresses else 0
    following = addresses[place : place + 1] or [url_for("console.show_inbox")]
    return redirect(following[0], 303)
