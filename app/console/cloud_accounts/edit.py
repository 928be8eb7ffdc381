"""Change a cloud account, or give it other credentials."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.catalog.cloud import Cloud
from app.console.cloud_accounts.fields import (
    EVERY_PROJECT,
    credential_fields,
    managed_cloud,
    place_fields,
    typed_credentials,
    typed_grants,
)
from app.console.cloud_accounts.read import read_cloud_account
from app.console.shell.forms.entry import AT_FORM, FormEntry, filled, sent
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.permissions import ServiceRight
from app.services.access import require_service
from app.services.cloud_accounts import accounts as cloud_accounts
from app.services.cloud_accounts.accounts import CloudAccountChange
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of


@pages.get("/cloud-accounts/<account_id>/edit")
def edit_account(account_id: str) -> str:
    """Show the form, filled with the current values of the account."""
    cloud = _cloud_of(account_id)
    page = read_cloud_account(current_context(), current_principal(), account_id)
    row = page.account
    typed = {
        "/name": row.name,
        "/regions": "" if row.allows_all_regions else "\n".join(row.regions),
        "/default_region": row.default_region or "",
        "/projects": EVERY_PROJECT if row.grants.is_all else "\n".join(row.grants.projects),
    }
    fields = place_fields(cloud)
    return _change_form(account_id, filled(fields, typed, row.version), "edit")


@pages.post("/cloud-accounts/<account_id>/edit")
def save_account(account_id: str) -> Response | tuple[str, int]:
    """Save the name, the regions, the default region and who may use the account."""
    entry = sent(place_fields(_cloud_of(account_id)))
    default = entry.text("/default_region") or None
    change = CloudAccountChange(
        entry.text("/name"),
        None,
        entry.many("/regions"),
        default,
        clears_default_region=default is None,
        grants=typed_grants(entry),
    )
    return _change(account_id, entry, change, "edit")


@pages.get("/cloud-accounts/<account_id>/credentials")
def ask_for_credentials(account_id: str) -> str:
    """Show empty fields: credentials are replaced as a whole, never edited."""
    fields = credential_fields(_cloud_of(account_id))
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return _change_form(account_id, filled(fields, {}, page.account.version), "credentials")


@pages.post("/cloud-accounts/<account_id>/credentials")
def save_credentials(account_id: str) -> Response | tuple[str, int]:
    """Set new credentials."""
    cloud = _cloud_of(account_id)
    entry = sent(credential_fields(cloud))
    change = CloudAccountChange(credentials=typed_credentials(cloud, entry))
    return _change(account_id, entry, change, "credentials")


def _change(
    account_id: str, entry: FormEntry, change: CloudAccountChange, form: str
) -> Response | tuple[str, int]:
    try:
        with perform() as work:
            cloud_accounts.change_cloud_account(work, account_id, change, entry.version)
    except AT_FORM as error:
        return _change_form(account_id, entry.after(error), form), status_of(error)
    return go_with_notice("saved", "console.show_cloud_account", account_id=account_id)


def _cloud_of(account_id: str) -> Cloud:
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return managed_cloud(page.account.cloud)


def _change_form(account_id: str, entry: FormEntry, form: str) -> str:
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return render_template("cloud_accounts/edit.html", account=page.account, entry=entry, form=form)
