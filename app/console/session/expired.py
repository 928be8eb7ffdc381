"""The form that somebody sent after their session had ended: kept until they have signed in again.

It travels sealed through the sign-in form, and is sent again only by a click on a page that says
so. It is kept only when a page of this console sent it, which the browser says itself (``Origin``,
Fetch standard §3.2): nobody else can have a form of theirs sent by whoever signs in here.
"""

from __future__ import annotations

import secrets

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.session.cookie import set_session_cookie
from app.console.session.interruption import seal, seal_form, unseal, written_form
from app.console.shell.guard import local_path, page_before
from app.services.identity.sessions import OpenedSession

FIELD = "kept_form"
SEALED_FOR = "form of an ended session"
LIFE_SECONDS = 3600
MAX_FORM = 64 * 1024
"""Longer forms, such as an uploaded state, are not kept."""

MAX_KEPT = 4 * MAX_FORM


def keep_form() -> str:
    """Seal the form of the present request, or return nothing where it must not be kept."""
    size = request.content_length or 0
    is_kept = _is_own() and size <= MAX_FORM and not request.files
    fields = written_form() if is_kept else []
    if not fields:
        return ""
    kept = {
        "path": request.full_path.rstrip("?"),
        "page": page_before(),
        "until": utc_now().timestamp() + LIFE_SECONDS,
        "form": fields,
    }
    return seal(kept, SEALED_FOR)


def kept_form() -> str:
    """Return the sealed form that the sign-in form carries; nothing when there is none."""
    text = request.form.get(FIELD, "")
    return text if len(text) <= MAX_KEPT else ""


def offer_form(opened: OpenedSession, text: str) -> Response | None:
    """Open the session and offer the form that was kept.

    Returns:
        The page that asks whether to send it, or ``None`` where none is kept any more.
    """
    kept = unseal(text, SEALED_FOR) if text else None
    if kept is None or kept["until"] < utc_now().timestamp():
        return None
    csrf = secrets.token_urlsafe(24)
    path = local_path(kept["path"])
    page = render_template(
        "session/expired.html",
        target=path,
        back=local_path(kept["page"]),
        names=sorted({_title(name) for name, text in kept["form"] if text}),
        held=seal_form(opened.session_id, path.partition("?")[0], kept["form"]),
        csrf_token=csrf,
    )
    response = make_response(page)
    set_session_cookie(response, opened, csrf)
    return response


def _is_own() -> bool:
    return request.headers.get("Origin") == request.host_url.rstrip("/")


def _title(name: str) -> str:
    return name.rsplit("/", 1)[-1].replace("_", " ").replace("-", " ").capitalize()
