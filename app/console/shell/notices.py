"""What a page says once after something was done; its address names the sentence.

The address never carries text: whatever is not in ``NOTICES`` is not said.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

PARAMETER = "done"
NOTICES = {
    "saved": "Saved.",
    "made": "Created.",
    "deleted": "Deleted.",
    "password": "Password changed. Your other sessions have been signed out.",
    "factor-begun": "Scan the QR code with your authenticator app, then enter its code.",
    "factor-removed": "Two-factor authentication is off. Signing in requires only your password.",
    "factor-reset": "Two-factor authentication reset. All sessions of the user have ended.",
    "session-ended": "Session revoked.",
    "token-revoked": "Token revoked. It no longer works.",
    "user-made": "User created.",
    "user-disabled": "User disabled. All sessions and API tokens have been revoked.",
    "user-enabled": "User enabled.",
    "user-password": "Password set. All sessions and API tokens of the user have been revoked.",
    "member-set": "Role saved.",
    "test-queued": "Test queued. The result appears below within seconds.",
    "resend-queued": "Redelivery queued.",
    "rule-ended": "Rule deleted. The findings it hid are visible again.",
    "maintenance-on": "Maintenance started. Applies wait until it ends.",
    "maintenance-off": "Maintenance ended. Waiting operations continue.",
    "requeued": "Waiting operations requeued.",
    "nothing-to-requeue": "Nothing to requeue: all operations that can start are already queued.",
    "memory-forgotten": "Memory figures reset. The configured ones apply again.",
    "failures-forgotten": "Failed jobs cleared. No operation was changed.",
    "host-gone": "Host declared gone. Other hosts take over its operations within seconds.",
    "host-drained": "Host is draining. It takes nothing new; what it runs ends first.",
    "host-undrained": "Host takes work again.",
    "checked": "Credentials checked. The result is shown below.",
    "member-removed": "Member removed.",
    "unchanged": "Nothing was changed: all settings were as you sent them.",
    "none-selected": "Nothing was selected. Check the boxes of some stacks first.",
    "approved": "Approved. The plan is applied as soon as a worker is free.",
    "discarded": "Plan discarded. The cloud was not changed.",
    "locked": "Stack locked. Nothing that changes it starts until it is unlocked.",
    "unlocked": "Stack unlocked. Waiting operations continue.",
    "acknowledged": "Acknowledged.",
    "unacknowledged": "Acknowledgement withdrawn.",
    "ignored": "Ignore rule created. The finding stays visible, marked as hidden.",
}


def provide(pages: Blueprint) -> None:
    """Let the templates of ``pages`` know the notice of their page."""
    pages.context_processor(_present)


def go_with_notice(notice: str, endpoint: str, **values: Any) -> Response:
    """Return the way to a page that says ``notice``."""
    return redirect(url_for(endpoint, **{**values, PARAMETER: notice}), 303)


def go_back_with_notice(notice: str, path: str) -> Response:
    """Return the way to an address of this console, whose page says ``notice``.

    Args:
        notice: one of ``NOTICES``.
        path: as ``local_path`` returned it; it may say another notice already.
    """
    parts = urlsplit(path)
    kept = [(name, text) for name, text in parse_qsl(parts.query) if name != PARAMETER]
    query = urlencode([*kept, (PARAMETER, notice)])
    return redirect(urlunsplit(parts._replace(query=query)), 303)


def _present() -> dict[str, Any]:
    return {"notice": NOTICES.get(request.args.get(PARAMETER, ""))}
