"""The fields of a cloud account, and what was typed into them."""

from __future__ import annotations

from app.catalog.cloud import Cloud
from app.console.shell.forms.entry import FormEntry, checks, choice
from app.console.shell.forms.fields import Field, Option
from app.domain.names import NAME_RULE
from app.domain.permissions import ServiceRight
from app.errors import NotFoundError
from app.services.access import require_service
from app.services.cloud_accounts.grants import Grants, project_names
from app.web.context import current_context, current_principal

NAME = Field("/name", "text", "Name", help=f"{NAME_RULE}.", example="practice", is_required=True)
EVERY_PROJECT = "*"
"""Stands for all projects in a form; no project can be called so."""


def managed_cloud(name: str) -> Cloud:
    """Return a cloud, for somebody who may manage accounts."""
    require_service(current_principal(), ServiceRight.ACCOUNT_MANAGE)
    found = current_context().catalog.clouds.get(name)
    if found is None:
        raise NotFoundError(f"There is no cloud {name[:40]!r}.")
    return found


def place_fields(cloud: Cloud) -> tuple[Field, ...]:
    """Return the fields of where an account is used: regions and projects."""
    regions = cloud.regions.values()
    first = ("", "None")
    return (
        NAME,
        checks(
            "/regions",
            "Allowed regions",
            [Option(region.name, region.name, region.title) for region in regions],
            "Leave all unchecked to allow every region.",
        ),
        choice(
            "/default_region",
            "Default region",
            [first, *((region.name, region.title) for region in regions)],
            default="",
        ),
        _projects_field(),
    )


def credential_fields(cloud: Cloud) -> tuple[Field, ...]:
    """Return the fields of the credentials that a cloud takes."""
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


def _projects_field() -> Field:
    """Return the choice of projects, for somebody who may manage accounts."""
    with current_context().read() as session:
        names = project_names(session)
    every = Option(EVERY_PROJECT, "All projects", "including future ones")
    return checks(
        "/projects",
        "Allowed projects",
        [every, *(Option(name, name) for name in names)],
        "If none is checked, the account cannot be used yet.",
    )


def typed_grants(entry: FormEntry) -> Grants:
    """Return which projects were chosen."""
    wanted = entry.many("/projects")
    return Grants(is_all=True) if EVERY_PROJECT in wanted else Grants(projects=wanted)


def typed_credentials(cloud: Cloud, entry: FormEntry) -> dict[str, str]:
    """Return the fields that were filled in."""
    found = {name: entry.text(f"/credentials/{name}") for name in cloud.credential_fields}
    return {name: value for name, value in found.items() if value}
