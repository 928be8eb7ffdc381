"""Make a cloud account: choose the cloud, fill in the form."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.catalog.cloud import Cloud
from app.console.cloud_accounts.fields import (
    credential_fields,
    managed_cloud,
    place_fields,
    typed_credentials,
    typed_grants,
)
from app.console.shell.forms.entry import AT_FORM, FormEntry, blank, sent
from app.console.shell.forms.fields import Field
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.permissions import ServiceRight
from app.services.access import require_service
from app.services.cloud_accounts import accounts as cloud_accounts
from app.services.cloud_accounts.accounts import NewCloudAccount
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of


@pages.get("/cloud-accounts/new")
def choose_cloud() -> str:
    """Show the clouds as cards."""
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    clouds = current_context().catalog.clouds.values()
    return render_template("cloud_accounts/new_cloud.html", clouds=clouds)


@pages.get("/cloud-accounts/new/<cloud>")
def ask_for_account(cloud: str) -> str:
    """Show the form with the credential fields of a cloud."""
    found = managed_cloud(cloud)
    return _new_form(found, blank(_new_fields(found)))


@pages.post("/cloud-accounts/new/<cloud>")
def make_account(cloud: str) -> Response | tuple[str, int]:
    """Make an account; its credentials are kept, not yet checked."""
    found = managed_cloud(cloud)
    entry = sent(_new_fields(found))
    try:
        wanted = NewCloudAccount(
            entry.text("/name"),
            found.name,
            typed_credentials(found, entry),
            entry.many("/regions"),
            entry.text("/default_region") or None,
            typed_grants(entry),
        )
        with perform() as work:
            row = cloud_accounts.create_cloud_account(work, wanted)
            account_id = row.id
    except AT_FORM as error:
        return _new_form(found, entry.after(error)), status_of(error)
    return go_with_notice("made", "console.show_cloud_account", account_id=account_id)


def _new_fields(cloud: Cloud) -> tuple[Field, ...]:
    return (*place_fields(cloud), *credential_fields(cloud))


def _new_form(cloud: Cloud, entry: FormEntry) -> str:
    return render_template("cloud_accounts/new.html", cloud=cloud, entry=entry)
