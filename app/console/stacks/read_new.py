"""What the form of a new stack shows: its fields, what was typed, what was wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog, Cloud, KindBlueprint
from app.console.shell.forms.entry import FormEntry, choice
from app.console.shell.forms.fields import Field, Option, build_fields, leaves
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
    ctx: Context,
    principal: Principal,
    kind: str,
    typed: Typed | None,
    api_root: str,
    preset: Typed | None = None,
) -> NewStackPage:
    """Read the form of a kind.

    Args:
        ctx: the services' context.
        principal: who asks.
        kind: what to make.
        typed: the form as it was sent, or ``None`` at the first visit.
        api_root: base address of the API for the command.
        preset: what a first visit begins with instead of the defaults, by field; no secrets.

    Raises:
        NotFoundError: there is no such kind.
        PermissionDeniedError: the caller may make stacks in no project.
    """
    blueprint = ctx.catalog.kind(kind)
    with ctx.read() as session:
        projects = writable_projects(session, principal)
        if not projects:
            raise PermissionDeniedError("You cannot create stacks in any project.")
        wanted = preset or {} if typed is None else typed
        project = _chosen_project(projects, wanted)
        accounts = list(accounts_for(session, blueprint, project.id)) if project else []
        account = _chosen(accounts, wanted, "/cloud_account")
        cloud = ctx.catalog.clouds[account.cloud] if account else None
        parameters = _parameters(ctx.catalog, session, blueprint, cloud, project, account)
    place = _place(
        _name_field(blueprint),
        _project_field(projects, project),
        _account_field(ctx, project, accounts),
        _region_field(cloud, account),
        parameters,
    )
    fields = (*place, *parameters, *SETTINGS)
    values = typed if typed is not None else _first_values(fields, preset or {})
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


def _place(
    name: Field, project: Field, account: Field, region: Field, parameters: tuple[Field, ...]
) -> tuple[Field, ...]:
    """Return the fields of the place; project and account know which fields depend on them."""
    of_account = [region, *(item for item in leaves(parameters) if item.is_of_place)]
    return (
        name,
        replace(project, refreshes=_selectors([account, *of_account])),
        replace(account, refreshes=_selectors(of_account)),
        region,
    )


def _selectors(fields: list[Field]) -> str:
    return ", ".join(f"#{item.html_id}-field" for item in fields)


def _first_values(fields: tuple[Field, ...], preset: Typed) -> Mapping[str, str]:
    """Return what the form shows before anybody typed."""
    values = initial_values(fields)
    offered = {item.pointer: item.options for item in leaves(fields) if item.options}
    return values | {
        pointer: text
        for pointer, text in preset.items()
        if pointer in values
        and (pointer not in offered or text in [item.value for item in offered[pointer]])
    }


def _chosen(rows: Any, typed: Typed, pointer: str) -> Any:
    wanted = typed.get(pointer)
    return next((row for row in rows if row.name == wanted), rows[0] if rows else None)


def _chosen_project(projects: list[Project], typed: Typed) -> Project | None:
    """Return the project that was chosen; where there are several, nobody chooses for a person."""
    if len(projects) == 1:
        return projects[0]
    return next((row for row in projects if row.name == typed.get("/project")), None)


def _project_field(projects: list[Project], chosen: Project | None) -> Field:
    options = [(row.name, row.title or row.name) for row in projects]
    if chosen is None:
        options.insert(0, ("", "Choose a project…"))
    return choice("/project", "Project", options, default=chosen.name if chosen else "")


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


def _account_field(ctx: Context, project: Project | None, accounts: list[CloudAccount]) -> Field:
    if project is None:
        return choice("/cloud_account", "Cloud account", [("", "Choose a project first")])
    options = [(row.name, row.name, ctx.catalog.clouds[row.cloud].title) for row in accounts]
    return choice("/cloud_account", "Cloud account", options, empty_note="cloud account")


def _region_field(cloud: Cloud | None, account: CloudAccount | None) -> Field:
    if cloud is None or account is None:
        return choice("/region", "Region", ())
    options = [(row.name, row.title, row.name) for row in regions_of(cloud, account)]
    default = account.default_region or cloud.default_region
    return choice("/region", "Region", options, default=default)
