"""What the form of a new stack shows: its fields, what was typed, what was wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog, Cloud, KindBlueprint
from app.console.shell.forms.entry import FormEntry, choice
from app.console.shell.forms.fields import Field, Option, build_fields
from app.console.shell.forms.values import Typed, initial_values
from app.console.stacks.new_request import WATCH, NewStackRequest
from app.console.stacks.settings_form import AUTO_APPLY_FIELD, LABELS_FIELD, PROTECTION_FIELD
from app.domain.names import NAME_RULE
from app.errors import PermissionDeniedError
from app.models import CloudAccount, Project
from app.services.access import Principal
from app.services.context import Context
from app.services.stacks.placement import accounts_for, regions_of, usable_stacks, writable_projects

SETTINGS = (
    AUTO_APPLY_FIELD,
    choice(
        "/drift",
        "Drift checks",
        WATCH.items(),
        help_="How often to check for changes made outside Landform.",
    ),
    PROTECTION_FIELD,
    LABELS_FIELD,
)


@dataclass(frozen=True)
class NewStackPage:
    """The form. ``place`` are the fields every kind has, ``parameters`` those of this kind."""

    kind: str
    title: str
    description: str
    place: tuple[Field, ...]
    parameters: tuple[Field, ...]
    settings: tuple[Field, ...]
    entry: FormEntry
    request: NewStackRequest


def read_new_stack(
    ctx: Context, principal: Principal, kind: str, typed: Typed | None, api_root: str
) -> NewStackPage:
    """Read the form of a kind.

    Args:
        ctx: the services' context.
        principal: who asks.
        kind: what to make.
        typed: the form as it was sent, or ``None`` at the first visit.
        api_root: base address of the API for the command.

    Raises:
        NotFoundError: there is no such kind.
        PermissionDeniedError: the caller may make stacks in no project.
    """
    blueprint = ctx.catalog.kind(kind)
    with ctx.read() as session:
        projects = writable_projects(session, principal)
        if not projects:
            raise PermissionDeniedError("You cannot create stacks in any project.")
        project = _chosen(projects, typed, "/project")
        accounts = list(accounts_for(session, blueprint, project.id))
        account = _chosen(accounts, typed, "/cloud_account")
        cloud = ctx.catalog.clouds[account.cloud] if account else None
        parameters = _parameters(ctx.catalog, session, blueprint, cloud, project, account)
    place = (
        _name_field(blueprint),
        choice("/project", "Project", [(row.name, row.title or row.name) for row in projects]),
        _account_field(ctx, accounts),
        _region_field(cloud, account),
    )
    fields = (*place, *parameters, *SETTINGS)
    values: Mapping[str, str] = typed if typed is not None else initial_values(fields)
    return NewStackPage(
        kind=blueprint.kind,
        title=blueprint.title,
        description=blueprint.description,
        place=place,
        parameters=parameters,
        settings=SETTINGS,
        entry=FormEntry(fields, values),
        request=NewStackRequest(blueprint.kind, blueprint.plural, parameters, values, api_root),
    )


def _parameters(
    catalog: Catalog,
    session: Session,
    blueprint: KindBlueprint,
    cloud: Cloud | None,
    project: Project | None,
    account: CloudAccount | None,
) -> tuple[Field, ...]:
    def stacks_of(kind: str) -> list[Option]:
        if project is None or account is None:
            return []
        kinds = catalog.kinds_in_place_of(kind)
        found = usable_stacks(session, kinds, project.id, account.id)
        return [Option(row.name, row.name, f"{row.region}, {row.status}") for row in found]

    return build_fields(blueprint.parameters, "/parameters", cloud, stacks_of)


def _chosen(rows: Any, typed: Typed | None, pointer: str) -> Any:
    wanted = (typed or {}).get(pointer)
    return next((row for row in rows if row.name == wanted), rows[0] if rows else None)


def _name_field(blueprint: KindBlueprint) -> Field:
    return Field(
        pointer="/name",
        control="text",
        label="Name",
        help=f"{NAME_RULE.capitalize()}. Unique in the project.",
        example=f"my-{blueprint.kind}",
        is_required=True,
        is_immutable=True,
    )


def _account_field(ctx: Context, accounts: list[CloudAccount]) -> Field:
    options = [(row.name, row.name, ctx.catalog.clouds[row.cloud].title) for row in accounts]
    return choice("/cloud_account", "Cloud account", options, empty_note="cloud account")


def _region_field(cloud: Cloud | None, account: CloudAccount | None) -> Field:
    if cloud is None or account is None:
        return choice("/region", "Region", ())
    options = [(row.name, row.title, row.name) for row in regions_of(cloud, account)]
    default = account.default_region or cloud.default_region
    return choice("/region", "Region", options, default=default)
