"""One's own second factor: set it up with an app, have new recovery codes, take it away."""

from __future__ import annotations

import segno
from flask import render_template, url_for
from werkzeug.wrappers import Response

from app.console.shell.forms.entry import FormEntry, blank, sent
from app.console.shell.forms.fields import Field
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.errors import ConflictError, TooManyRequestsError, ValidationError
from app.models import User
from app.services.identity import second_factors
from app.web.context import current_context, current_principal, perform
from app.web.extensions import limiter
from app.web.http_errors import status_of

PATH = "/settings/second-factor"
CODE = Field(
    "/totp",
    "text",
    "Authentication code",
    help="The six digits from your authenticator app.",
    is_required=True,
)
PIXELS_A_MODULE = 4


@pages.get("/settings/second-factor")
def show_second_factor() -> str:
    """Show whether signing in takes a code, and what an app must be told meanwhile."""
    return _page(blank((CODE,)))


@pages.post("/settings/second-factor")
def begin_second_factor() -> Response:
    """Make a secret; the page then shows it."""
    with perform() as work:
        second_factors.begin_enrolment(work)
    return go_with_notice("factor-begun", "console.show_second_factor")


@pages.post("/settings/second-factor/activate")
@limiter.limit(lambda: current_context().settings.login_rate)
def activate_second_factor() -> str | tuple[str, int]:
    """Have the factor count, and show the recovery codes this once."""
    entry = sent((CODE,))
    try:
        codes = second_factors.activate(current_context(), current_principal(), entry.text("/totp"))
    except (ValidationError, ConflictError, TooManyRequestsError) as error:
        return _page(entry.after(error)), status_of(error)
    return _codes_page(codes)


@pages.post("/settings/second-factor/recovery-codes")
def renew_codes() -> str:
    """Make new recovery codes, and show them this once."""
    with perform() as work:
        codes = second_factors.renew_recovery_codes(work)
    return _codes_page(codes)


@pages.post("/settings/second-factor/remove")
def remove_second_factor() -> Response:
    """Take the factor away."""
    with perform() as work:
        second_factors.remove_own(work)
    return go_with_notice("factor-removed", "console.show_second_factor")


def _page(entry: FormEntry) -> str:
    ctx, principal = current_context(), current_principal()
    with ctx.read() as session:
        status = second_factors.factor_status(session, principal.id)
        has_password = bool(session.get_one(User, principal.id).password_hash)
        pending = None
        if status.is_pending and principal.is_confirmed:
            pending = second_factors.pending_enrolment(ctx, session, principal)
    return render_template(
        "access/second_factor.html",
        status=status,
        pending=pending,
        picture=_qr_code(pending.address) if pending else None,
        is_demanded=principal.needs_factor,
        has_password=has_password,
        entry=entry,
    )


def _codes_page(codes: list[str]) -> str:
    back = url_for("console.show_second_factor")
    return render_template("access/second_factor_codes.html", codes=codes, back=back)


def _qr_code(address: str) -> str:
    """Return a QR code as the address of an image, which the content security policy allows."""
    return str(segno.make(address, error="m").svg_data_uri(scale=PIXELS_A_MODULE, light="#fff"))
