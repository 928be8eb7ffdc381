"""Try a change out, as ``dry_run=true`` asks: the same checks and answer, and nothing is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import request

from app.api.http.query_parameters import DRY_RUN
from app.api.http.requests import request_identity
from app.errors import ValidationError
from app.services import idempotency
from app.services.idempotency import Reply
from app.services.work import Work, try_out
from app.web.context import current_context

VALUES = {"true": True, "false": False}
LEADS_NOWHERE = ("Location", "Retry-After", "ETag")
"""Headers about what was made, which does not exist after a dry run."""


def is_dry_run() -> bool:
    """Tell whether the present request is only to be tried out.

    Raises:
        ValidationError: ``dry_run`` is neither ``true`` nor ``false``.
    """
    given = request.args.get(DRY_RUN, "false")
    if given not in VALUES:
        raise ValidationError.at(f"?{DRY_RUN}", "Must be true or false.")
    return VALUES[given]


def perform_as_asked(act: Callable[[Work], Reply]) -> Reply:
    """Do ``act`` once for its Idempotency-Key, or only try it out.

    A dry run neither reads nor keeps the answer of an Idempotency-Key.
    """
    ctx, identity = current_context(), request_identity()
    if not is_dry_run():
        return idempotency.perform_once(ctx, identity, act)
    tried = try_out(ctx, identity.caller, act)
    headers = {name: text for name, text in tried.headers.items() if name not in LEADS_NOWHERE}
    return replace(tried, headers={**headers, "Dry-Run": "true"})
