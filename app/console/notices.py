"""What a page says once after something was done; its address names the sentence.

The address never carries text: whatever is not in ``NOTICES`` is not said.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

PARAMETER = "done"
NOTICES = {
    "saved": "Saved.",
    "made": "Made.",
    "deleted": "Deleted.",
    "password": "Your password is changed; your other sessions have ended.",
    "session-ended": "The session has ended.",
    "token-revoked": "The token is revoked; it stopped working at once.",
    "user-made": "The person can sign in now.",
    "user-disabled": "Disabled; the sessions have ended.",
    "user-enabled": "Enabled.",
    "user-password": "The new password holds; the person's sessions have ended.",
    "member-set": "The role is given; it has effect at once.",
    "test-queued": "The test is on its way; its result shows below within seconds.",
    "resend-queued": "It is sent again, as a new delivery.",
    "rule-ended": "The rule has ended; what it hid is seen again.",
    "maintenance-on": "Maintenance is on: nothing is applied until it ends.",
    "maintenance-off": "Maintenance has ended; what waited goes on.",
    "rung": "What waited was rung again.",
    "nothing-to-ring": "Nothing had to be rung: whatever may start is in a queue already.",
    "failures-forgotten": "The records are gone; no operation was touched.",
    "checked": "The cloud was asked; its answer shows below.",
    "member-removed": "The role is taken away; it has effect at once.",
}


def provide(pages: Blueprint) -> None:
    """Let the templates of ``pages`` know the notice of their page."""
    pages.context_processor(_present)


def go_with_notice(notice: str, endpoint: str, **values: Any) -> Response:
    """Return the way to a page that says ``notice``."""
    return redirect(url_for(endpoint, **{**values, PARAMETER: notice}), 303)


def _present() -> dict[str, Any]:
    return {"notice": NOTICES.get(request.args.get(PARAMETER, ""))}
