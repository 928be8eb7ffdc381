"""Cloud accounts: see whether they work, make one, change it, have it checked, delete it.

Credentials are taken and never shown.
"""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response

from app.catalog.cloud import Cloud
from app.console.confirmations import Confirmation, ask, ask_again, is_confirmed
from app.console.forms.entry import Entry, blank, checks, choice, filled, sent, sent_version
from app.console.forms.fields import Field, Option
from app.console.list_requests import next_address, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.cloud_accounts import read_accounts, read_cloud_account
from app.domain.names import NAME_RULE
from app.domain.permissions import ServiceRight
from app.errors import ConflictError, NotFoundError, PreconditionFailedError, ValidationError
from app.http_errors import status_of
from app.services import cloud_accounts
from app.services.access import require_service
from app.services.cloud_accounts import CloudAccountChange, NewCloudAccount
from app.web_context import current_context, current_principal

NAME = Field("/name", "text", "Name", help=f"{NAME_RULE}.", example="practice", is_required=True)
AT_FORM = (ValidationError, ConflictError, PreconditionFailedError)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base, one = "/cloud-accounts", "/cloud-accounts/<account_id>"
    pages.add_url_rule(base, view_func=list_accounts)
    pages.add_url_rule(f"{base}/new", view_func=choose_cloud)
    pages.add_url_rule(f"{base}/new/<cloud>", view_func=ask_for_account)
    pages.add_url_rule(f"{base}/new/<cloud>", view_func=make_account, methods=["POST"])
    pages.add_url_rule(one, view_func=show_cloud_account)
    pages.add_url_rule(f"{one}/edit", view_func=edit_account)
    pages.add_url_rule(f"{one}/edit", view_func=save_account, methods=["POST"])
    pages.add_url_rule(f"{one}/credentials", view_func=ask_for_credentials)
    pages.add_url_rule(f"{one}/credentials", view_func=save_credentials, methods=["POST"])
    pages.add_url_rule(f"{one}/check", view_func=check_account, methods=["POST"])
    pages.add_url_rule(f"{one}/delete", view_func=confirm_account_delete)
    pages.add_url_rule(f"{one}/delete", view_func=delete_account, methods=["POST"])


def list_accounts() -> str:
    """List the accounts with what their last check found."""
    page = read_accounts(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_accounts", page.next_cursor, {})
    return render_template("cloud_accounts/list.html", page=page, next_page=following)


def choose_cloud() -> str:
    """Show the clouds as cards."""
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    clouds = current_context().catalog.clouds.values()
    return render_template("cloud_accounts/new_cloud.html", clouds=clouds)


def ask_for_account(cloud: str) -> str:
    """Show the form with the credential fields of a cloud."""
    found = _cloud(cloud)
    return _new_form(found, blank(_new_fields(found)))


def make_account(cloud: str) -> Response | tuple[str, int]:
    """Make an account; its credentials are kept, not yet checked."""
    found = _cloud(cloud)
    entry = sent(_new_fields(found))
    ctx = current_context()
    try:
        wanted = NewCloudAccount(
            entry.text("/name"),
            found.name,
            _credentials(found, entry),
            entry.many("/regions"),
            entry.text("/default_region") or None,
        )
        with ctx.write() as session:
            principal = current_principal()
            row = cloud_accounts.create_cloud_account(ctx, session, principal, wanted)
            account_id = row.id
    except AT_FORM as error:
        return _new_form(found, entry.after(error)), status_of(error)
    return go_with_notice("made", "console.show_cloud_account", account_id=account_id)


def show_cloud_account(account_id: str) -> str:
    """Show an account."""
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return render_template("cloud_accounts/account.html", page=page)


def edit_account(account_id: str) -> str:
    """Show the form with what the account is now."""
    cloud = _cloud_of(account_id)
    page = read_cloud_account(current_context(), current_principal(), account_id)
    row = page.account
    typed = {
        "/name": row.name,
        "/regions": "" if row.allows_all_regions else "\n".join(row.regions),
        "/default_region": row.default_region or "",
    }
    return _change_form(account_id, filled(_place_fields(cloud), typed, row.version), "edit")


def save_account(account_id: str) -> Response | tuple[str, int]:
    """Change name and regions."""
    entry = sent(_place_fields(_cloud_of(account_id)))
    default = entry.text("/default_region") or None
    change = CloudAccountChange(
        entry.text("/name"),
        None,
        entry.many("/regions"),
        default,
        clears_default_region=default is None,
    )
    return _change(account_id, entry, change, "edit")


def ask_for_credentials(account_id: str) -> str:
    """Show empty fields; credentials are given whole."""
    fields = _credential_fields(_cloud_of(account_id))
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return _change_form(account_id, filled(fields, {}, page.account.version), "credentials")


def save_credentials(account_id: str) -> Response | tuple[str, int]:
    """Set new credentials."""
    cloud = _cloud_of(account_id)
    entry = sent(_credential_fields(cloud))
    change = CloudAccountChange(credentials=_credentials(cloud, entry))
    return _change(account_id, entry, change, "credentials")


def check_account(account_id: str) -> Response:
    """Ask the cloud whether it accepts the credentials; no transaction is open meanwhile."""
    ctx, principal = current_context(), current_principal()
    passed, detail = cloud_accounts.probe(ctx, principal, account_id)
    with ctx.write() as session:
        cloud_accounts.note_probe(session, principal, account_id, passed, detail)
    return go_with_notice("checked", "console.show_cloud_account", account_id=account_id)


def confirm_account_delete(account_id: str) -> str:
    """Say what goes, and ask for the name."""
    return ask(_question(account_id))


def delete_account(account_id: str) -> Response | tuple[str, int]:
    """Delete an account that no stack uses, if its name was typed."""
    question = _question(account_id)
    if not is_confirmed(question):
        return ask_again(question)
    ctx = current_context()
    try:
        with ctx.write() as session:
            cloud_accounts.delete_cloud_account(
                ctx, session, current_principal(), account_id, sent_version()
            )
    except (ConflictError, PreconditionFailedError) as error:
        return ask_again(question, error)
    return go_with_notice("deleted", "console.list_accounts")


def _change(
    account_id: str, entry: Entry, change: CloudAccountChange, form: str
) -> Response | tuple[str, int]:
    ctx = current_context()
    try:
        with ctx.write() as session:
            cloud_accounts.change_cloud_account(
                ctx, session, current_principal(), account_id, change, entry.version
            )
    except AT_FORM as error:
        return _change_form(account_id, entry.after(error), form), status_of(error)
    return go_with_notice("saved", "console.show_cloud_account", account_id=account_id)


def _cloud(name: str) -> Cloud:
    """Return a cloud, for somebody who may manage accounts."""
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    found = current_context().catalog.clouds.get(name)
    if found is None:
        raise NotFoundError(f"There is no cloud {name[:40]!r}.")
    return found


def _cloud_of(account_id: str) -> Cloud:
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return _cloud(page.account.cloud)


def _place_fields(cloud: Cloud) -> tuple[Field, ...]:
    regions = cloud.regions.values()
    first = ("", "None: stacks say it themselves")
    return (
        NAME,
        checks(
            "/regions",
            "Allowed regions",
            [Option(region.name, region.name, region.title) for region in regions],
            "None checked means all.",
        ),
        choice(
            "/default_region",
            "Usual region",
            [first, *((region.name, region.title) for region in regions)],
            default="",
        ),
    )


def _credential_fields(cloud: Cloud) -> tuple[Field, ...]:
    return tuple(
        Field(
            f"/credentials/{item.name}",
            "secret" if item.is_secret else "text",
            item.title,
            help=item.description,
            is_required=item.is_required,
        )
        for item in cloud.credential_fields.values()
    )


def _new_fields(cloud: Cloud) -> tuple[Field, ...]:
    return (*_place_fields(cloud), *_credential_fields(cloud))


def _credentials(cloud: Cloud, entry: Entry) -> dict[str, str]:
    """Return the fields that were filled in."""
    found = {name: entry.text(f"/credentials/{name}") for name in cloud.credential_fields}
    return {name: value for name, value in found.items() if value}


def _new_form(cloud: Cloud, entry: Entry) -> str:
    return render_template("cloud_accounts/new.html", cloud=cloud, entry=entry)


def _change_form(account_id: str, entry: Entry, form: str) -> str:
    page = read_cloud_account(current_context(), current_principal(), account_id)
    return render_template(
        "cloud_accounts/change.html", account=page.account, entry=entry, form=form
    )


def _question(account_id: str) -> Confirmation:
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    row = read_cloud_account(current_context(), current_principal(), account_id).account
    stacks = "1 stack lives" if row.stacks == 1 else f"{row.stacks} stacks live"
    return Confirmation(
        section="accounts",
        title=f"Delete the cloud account {row.name}?",
        lead="Nothing changes in the cloud itself.",
        verb="Delete the account",
        name=row.name,
        losses=("Its credentials, for good.", "Its name becomes free."),
        target=url_for("console.delete_account", account_id=account_id),
        back=url_for("console.show_cloud_account", account_id=account_id),
        version=row.version,
        hindrance=f"{stacks} on it. Destroy them first." if row.stacks else None,
    )
