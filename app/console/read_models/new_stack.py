"""What the form of a new stack shows: its fields, what was typed, what was wrong with it."""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog, Cloud, KindBlueprint
from app.console.forms.fields import Field, Option, build_fields, leaves, problems_of
from app.console.forms.values import (
    ON,
    Typed,
    initial_values,
    read_pairs,
    read_parameters,
)
from app.console.words import AUTO_APPLY
from app.domain.names import NAME_RULE
from app.domain.operations import AutoApply
from app.errors import FieldProblem, LandformError, PermissionDeniedError, ValidationError
from app.models import CloudAccount, Project
from app.services.access import Principal
from app.services.context import Context
from app.services.labels import check_labels
from app.services.placement import accounts_for, regions_of, usable_stacks, writable_projects
from app.services.schedules import DriftSettings
from app.services.stacks import NewStack

SECRET_IN_CURL = "(your secret)"
NEVER = "never"
WATCH = (
    Option("", "As often as this Landform does by default"),
    Option("300", "Every 5 minutes"),
    Option("3600", "Every hour"),
    Option("21600", "Every 6 hours"),
    Option("86400", "Every day"),
    Option(NEVER, "Never"),
)


@dataclass(frozen=True)
class NewStackPage:
    """The form. ``place`` are the fields every kind has, ``parameters`` those of this kind."""

    kind: str
    title: str
    description: str
    plural: str
    place: tuple[Field, ...]
    parameters: tuple[Field, ...]
    settings: tuple[Field, ...]
    typed: Typed
    api_root: str
    problems: tuple[FieldProblem, ...] = ()
    failure: str | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields in the order of the page."""
        return (*self.place, *self.parameters, *self.settings)

    def messages(self, field: Field) -> list[str]:
        """Return what is wrong with a field."""
        return problems_of(field, self.problems)

    @property
    def summary(self) -> list[tuple[str | None, str]]:
        """What is wrong, as (id of the field or ``None``, sentence), in the order of the page."""
        found: list[tuple[str | None, str]] = []
        placed: set[str] = set()
        for field in leaves(self.fields):
            for message in self.messages(field):
                found.append((field.html_id, f"{field.label}: {message}"))
                placed.add(message)
        rest = [item.message for item in self.problems if item.message not in placed]
        return [*found, *((None, message) for message in rest)]

    def with_problems(self, error: LandformError) -> NewStackPage:
        """Return the page as it is shown after ``error``."""
        advice = "" if error.problems else f" {error.advice}"
        return replace(self, problems=error.problems, failure=f"{error.detail}{advice}")

    def to_request(self) -> NewStack:
        """Return what was typed as a request to the service.

        Raises:
            ValidationError: a field cannot be read.
        """
        body = self._body()
        problems: list[FieldProblem] = []
        labels = read_pairs(self.typed.get("/labels", ""), "/labels", problems)
        if problems:
            raise ValidationError("The labels cannot be read.", problems=tuple(problems))
        check_labels(labels)
        return NewStack(
            kind=self.kind,
            name=body["name"],
            project=body["project"],
            cloud_account=body["cloud_account"],
            region=body["region"] or None,
            parameters=read_parameters(self.parameters, self.typed),
            labels=labels,
            auto_apply=_auto_apply(self.typed),
            drift=_drift(self.typed),
            deletion_protection=self.typed.get("/deletion_protection") == ON,
        )

    @property
    def curl(self) -> str:
        """The same request as a command; a secret that was typed is not repeated."""
        lines = [
            f"curl -X POST {shlex.quote(f'{self.api_root}/{self.plural}')}",
            "-H 'Content-Type: application/json'",
            '-H "Authorization: Bearer $LANDFORM_TOKEN"',
            '-H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)"',
            f"-d {shlex.quote(json.dumps(self._shown_body(), indent=2, ensure_ascii=False))}",
        ]
        return " \\\n  ".join(lines)

    @property
    def python(self) -> str:
        """The same request with the generated client; a secret is not repeated either."""
        name = self.kind.replace("-", "_")
        body = pprint.pformat(self._shown_body(), indent=1, width=76, sort_dicts=False)
        root = self.api_root.removesuffix("/api/v1")
        model = "New" + "".join(part.capitalize() for part in self.kind.split("-"))
        return "\n".join(
            [
                "import os",
                "",
                "from landform_client import AuthenticatedClient",
                f"from landform_client.api.{self.plural.replace('-', '_')} import create_{name}",
                f"from landform_client.models import {model}",
                "from landform_client.waiting import expect, wait_for",
                "",
                f'client = AuthenticatedClient({root!r}, token=os.environ["LANDFORM_TOKEN"])',
                f"wanted = {model}.from_dict({body})",
                f"asked = expect(create_{name}.sync(client=client, body=wanted))",
                "wait_for(client, asked.operation, timeout_seconds=600)",
            ]
        )

    def _shown_body(self) -> dict[str, Any]:
        body = {name: value for name, value in self._body().items() if value}
        hidden = {
            **self.typed,
            **{
                item.pointer: SECRET_IN_CURL
                for item in leaves(self.parameters)
                if item.is_secret and self.typed.get(item.pointer)
            },
        }
        try:
            body["parameters"] = read_parameters(self.parameters, hidden)
        except ValidationError:
            body["parameters"] = {}
        return body

    def _body(self) -> dict[str, Any]:
        names = ("name", "project", "cloud_account", "region")
        body: dict[str, Any] = {name: self.typed.get(f"/{name}", "").strip() for name in names}
        labels = read_pairs(self.typed.get("/labels", ""), "/labels", [])
        body["labels"] = labels
        body["auto_apply"] = _text_unless(self.typed, "/auto_apply", AutoApply.ALWAYS)
        body["deletion_protection"] = self.typed.get("/deletion_protection") == ON
        every = self.typed.get("/drift", "")
        if every == NEVER:
            body["drift"] = {"enabled": False}
        elif every.isascii() and every.isdigit():
            body["drift"] = {"interval_seconds": int(every)}
        return body


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
            raise PermissionDeniedError("You may not make stacks in any project.")
        accounts = list(accounts_for(session, blueprint))
        project = _chosen(projects, typed, "/project")
        account = _chosen(accounts, typed, "/cloud_account")
        cloud = ctx.catalog.clouds[account.cloud] if account else None
        parameters = _parameters(ctx.catalog, session, blueprint, cloud, project, account)
    place = (
        _name_field(blueprint),
        _choice(
            "/project", "Project", [Option(row.name, row.title or row.name) for row in projects]
        ),
        _account_field(ctx, accounts),
        _region_field(cloud, account),
    )
    settings = _settings()
    values: Mapping[str, str] = typed if typed is not None else {}
    if typed is None:
        values = initial_values((*place, *parameters, *settings))
    return NewStackPage(
        kind=blueprint.kind,
        title=blueprint.title,
        description=blueprint.description,
        plural=blueprint.plural,
        place=place,
        parameters=parameters,
        settings=settings,
        typed=values,
        api_root=api_root,
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
    options = [Option(row.name, row.name, ctx.catalog.clouds[row.cloud].title) for row in accounts]
    return _choice("/cloud_account", "Cloud account", options, note="cloud account")


def _region_field(cloud: Cloud | None, account: CloudAccount | None) -> Field:
    if cloud is None or account is None:
        return _choice("/region", "Region", [])
    options = [Option(row.name, row.title, row.name) for row in regions_of(cloud, account)]
    return _choice(
        "/region", "Region", options, default=account.default_region or cloud.default_region
    )


def _settings() -> tuple[Field, ...]:
    return (
        _choice(
            "/auto_apply",
            "Apply without asking",
            [Option(name, text) for name, text in AUTO_APPLY.items()],
            help_="When a plan of this stack is carried out without a person's approval.",
        ),
        _choice(
            "/drift", "Check for drift", list(WATCH), help_="Changes made behind Landform's back."
        ),
        Field(
            pointer="/deletion_protection",
            control="checkbox",
            label="Protect from deletion",
            help="It cannot be destroyed until this is switched off.",
        ),
        Field(
            pointer="/labels",
            control="pairs",
            label="Labels",
            help="One name=value a line, for finding and grouping stacks.",
            example="team=payments",
        ),
    )


def _choice(
    pointer: str,
    label: str,
    options: list[Option],
    *,
    help_: str = "",
    default: str | None = None,
    note: str = "",
) -> Field:
    first = options[0].value if options else ""
    return Field(
        pointer=pointer,
        control="choice",
        label=label,
        help=help_,
        is_required=True,
        default=default or first,
        options=tuple(options),
        empty_note=note if not options else "",
    )


def _auto_apply(typed: Typed) -> AutoApply:
    try:
        return AutoApply(typed.get("/auto_apply") or AutoApply.ALWAYS)
    except ValueError as error:
        known = ", ".join(AutoApply)
        raise ValidationError.at("/auto_apply", f"Choose one of: {known}.") from error


def _drift(typed: Typed) -> DriftSettings:
    every = typed.get("/drift", "")
    if every not in {option.value for option in WATCH}:
        raise ValidationError.at("/drift", "Choose one of the periods offered.")
    if every == NEVER:
        return DriftSettings(enabled=False)
    return DriftSettings(interval_seconds=int(every)) if every else DriftSettings()


def _text_unless(typed: Typed, pointer: str, default: str) -> str:
    value = typed.get(pointer, "")
    return "" if value == default else value
