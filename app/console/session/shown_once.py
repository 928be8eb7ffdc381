"""A secret on its way from the form that made it to the page that shows it: once.

It travels sealed in a cookie, for one session and one thing, and that page has it dropped.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.session.interruption import seal, unseal
from app.web.context import current_context, current_principal
from app.web.cookies import drop_cookie, read_cookie, set_cookie

COOKIE, SEALED_FOR = "landform_shown_once", "secret shown once"
LIFE_SECONDS = 300


def carry_secret(response: Response, name: str, secret: str) -> None:
    """Give the browser the sealed secret of the thing that is called ``name``."""
    kept = {
        "session": current_principal().session_id,
        "name": name,
        "secret": secret,
        "until": utc_now().timestamp() + LIFE_SECONDS,
    }
    set_cookie(
        response,
        current_context().settings,
        COOKIE,
        seal(kept, SEALED_FOR),
        max_age=LIFE_SECONDS,
        samesite="Strict",
    )


def carried_secret(name: str) -> str | None:
    """Return the secret of ``name``, or ``None`` when it was shown or belongs to others."""
    kept = unseal(read_cookie(current_context().settings, COOKIE), SEALED_FOR)
    if kept is None or kept["until"] < utc_now().timestamp():
        return None
    is_mine = (kept["session"], kept["name"]) == (current_principal().session_id, name)
    return str(kept["secret"]) if is_mine else None


def forget_secret(response: Response) -> None:
    """Have the browser forget it."""
    drop_cookie(response, current_context().settings, COOKIE)
