"""How large one request may be: the bytes of its body, and the fields of a form.

A field costs far more than its bytes. The head is bounded by gunicorn, what JSON may hold by
``app.api.http.json_body``.
"""

from __future__ import annotations

from flask import Flask, request

from app.errors import ValidationError

MAX_BODY_BYTES = 1024 * 1024
MAX_STATE_BYTES = 16 * 1024 * 1024
"""Of a request that uploads a state, which asks for this limit itself."""

MAX_FORM_FIELDS = 500
FORM = "application/x-www-form-urlencoded"


def limit_requests(app: Flask) -> None:
    """Bound what the requests to ``app`` may hold."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["MAX_FORM_PARTS"] = MAX_FORM_FIELDS  # of multipart/form-data
    app.before_request(_refuse_long_forms)


def _refuse_long_forms() -> None:
    if request.mimetype == FORM and request.get_data(cache=True).count(b"&") >= MAX_FORM_FIELDS:
        raise ValidationError(f"The form has more than {MAX_FORM_FIELDS} fields.")
