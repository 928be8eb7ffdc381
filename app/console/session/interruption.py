"""What a person had begun when a confirmation was asked for: where it goes on, and its form.

A held form is sealed for its session and its address, so no secret stands in a page and nobody can
have another form sent in its place.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Any

from flask import request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.errors import CsrfError, DecryptionError
from app.web.context import current_context, current_principal
from app.web.cookies import read_cookie, set_cookie

HELD, PASSWORD, CODE = "confirm_held", "confirm_password", "confirm_totp"
NOT_HELD = {"csrf_token", HELD, PASSWORD, CODE}
LIFE_SECONDS = 1800
SEALED_FOR = "held form"
COOKIE, COOKIE_SEALED_FOR = "landform_begun", "begun"
MAX_HELD = 1500
"""The longest form that a cookie can keep while a browser is at the identity provider."""


@dataclass(frozen=True)
class Interruption:
    """What was begun: ``target`` takes the form that goes on, ``held`` is what it held.

    ``following`` is the page to go to when nothing was sent.
    """

    target: str
    held: str = ""
    following: str = ""


def hold_form() -> str:
    """Seal the form of the present request, for its session and its address."""
    return seal_form(current_principal().session_id, request.path, written_form())


def written_form() -> list[list[str]]:
    """Return the fields of the present form as names and texts, without those of its frame."""
    return [[k, v] for k, v in request.form.items(multi=True) if k not in NOT_HELD]


def seal_form(session_id: str | None, path: str, fields: list[list[str]]) -> str:
    """Seal a form, so that it can be sent in one session and to one address only."""
    until = utc_now().timestamp() + LIFE_SECONDS
    kept = {"session": session_id, "path": path, "until": until, "form": fields}
    return seal(kept, SEALED_FOR)


def open_form(held: str) -> ImmutableMultiDict[str, str]:
    """Return the form that was held for the present session and address.

    Raises:
        CsrfError: it was held for others, or for too long.
    """
    kept = unseal(held, SEALED_FOR)
    is_mine = (
        kept is not None
        and kept["session"] == current_principal().session_id
        and kept["path"] == request.path
        and kept["until"] >= utc_now().timestamp()
    )
    if kept is None or not is_mine:
        raise CsrfError("The saved form has expired. Submit it again.")
    return ImmutableMultiDict((name, value) for name, value in kept["form"])


def keep_interruption(response: Response, begun: Interruption) -> None:
    """Have the browser keep what was begun while the person is at the identity provider."""
    if len(begun.held) > MAX_HELD:
        begun = Interruption(begun.following, following=begun.following)
    set_cookie(
        response,
        current_context().settings,
        COOKIE,
        seal(asdict(begun), COOKIE_SEALED_FOR),
        max_age=LIFE_SECONDS,
        samesite="Lax",
    )


def read_interruption() -> Interruption | None:
    """Return what the browser has kept, if it is ours."""
    kept = unseal(read_cookie(current_context().settings, COOKIE), COOKIE_SEALED_FOR)
    return Interruption(**kept) if kept is not None else None


def seal(kept: dict[str, Any], place: str) -> str:
    """Seal what a browser keeps for us; it is worth nothing at another ``place``."""
    sealed = current_context().keys.encrypt(json.dumps(kept).encode(), place)
    return base64.urlsafe_b64encode(sealed).decode()


def unseal(text: str, place: str) -> dict[str, Any] | None:
    """Return what was sealed for ``place``, or ``None`` when it was not."""
    try:
        sealed = base64.urlsafe_b64decode(text.encode())
        opened: dict[str, Any] = json.loads(current_context().keys.decrypt(sealed, place))
    except (binascii.Error, ValueError, DecryptionError):
        return None
    return opened
