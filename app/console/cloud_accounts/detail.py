"""One cloud account: what its last check found, check it, delete it."""

from __future__ import annotations

from flask import render_template, url_for
from werkzeug.wrappers import Response

from app.console.cloud_accounts.read import read_cloud_account
from app.console.shell.confirmation import Confirmation, ask, refuse_or_perform
from app.console.shell.forms.entry import sent_version
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.permissions import ServiceRight
from app.services.access import require_service
from app.services.cloud_accounts.accounts import delete_cloud_account
from app.services.cloud_accounts.checks import note_probe, probe
from app.web.context import current_context, current_principal, perform


@pages.get("/cloud-accounts/<account_id>")
def show_cloud_account(account_id: str) -> str:
    """Show an account."""
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return render_template("cloud_accounts/detail.html", page=page)


@pages.post("/cloud-accounts/<account_id>/check")
def check_account(account_id: str) -> Response:
    """Ask the cloud whether it accepts the credentials; no transaction is open meanwhile."""
    ctx, principal = current_context(), current_principal()
    passed, detail = probe(ctx, principal, account_id)
    with perform() as work:
        note_probe(work, account_id, passed, detail)
    return go_with_notice("checked", "console.show_cloud_account", account_id=account_id)


@pages.get("/cloud-accounts/<account_id>/delete")
def confirm_account_delete(account_id: str) -> str:
    """Say what goes, and ask for the name."""
    return ask(_question(account_id))


@pages.post("/cloud-accounts/<account_id>/delete")
def delete_account(account_id: str) -> Response | tuple[str, int]:
    """Delete an account that no stack uses, if its name was typed."""
    return refuse_or_perform(
        _question(account_id), lambda work: delete_cloud_account(work, account_id, sent_version())
    ) or go_with_notice("deleted", "console.list_accounts")


def _question(account_id: str) -> Confirmation:
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    row = read_cloud_account(current_context(), current_principal(), account_id).account
    stacks = "1 stack exists" if row.stacks == 1 else f"{row.stacks} stacks exist"
    return Confirmation(
        section="accounts",
        title=f"Delete the cloud account {row.name}?",
        lead="The cloud itself is not changed.",
        verb="Delete account",
        name=row.name,
        losses=("Its credentials are deleted permanently.", "Its name can be used again."),
        target=url_for("console.delete_account", account_id=account_id),
        back=url_for("console.show_cloud_account", account_id=account_id),
        version=row.version,
        hindrance=f"{stacks} on it. Destroy them first." if row.stacks else None,
    )
