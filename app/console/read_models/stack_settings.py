"""What the settings tab of a stack shows: its parameters, its care, versions of its blueprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.console.forms.entry import Entry, filled
from app.console.forms.fields import Option
from app.console.forms.parameters import (
    changeable_fields,
    present_parameters,
    typed_parameters,
)
from app.console.forms.stack_settings import present_settings, settings_fields
from app.console.read_models.stack import StackHeader, Value, masked_parameters, stack_header
from app.domain.permissions import Right
from app.domain.versions import Version
from app.errors import LandformError
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.placement import usable_stacks


@dataclass(frozen=True)
class StackSettingsPage:
    """The settings tab. ``fixed`` are parameters that the form does not change.

    ``versions`` are the other versions of the blueprint on the stack's cloud, newest first.
    """

    header: StackHeader
    parameters: Entry
    fixed: list[Value]
    present: dict[str, Any]
    settings: Entry
    expires_at: datetime | None
    blueprint_version: str
    versions: list[str]
    auto_apply: str
    upgrade_problem: str | None = None

    def with_parameters(self, entry: Entry) -> StackSettingsPage:
        """Return the page with another state of the first form."""
        return replace(self, parameters=entry)

    def with_settings(self, entry: Entry) -> StackSettingsPage:
        """Return the page with another state of the second form."""
        return replace(self, settings=entry)

    def with_upgrade_problem(self, error: LandformError) -> StackSettingsPage:
        """Return the page with what is in the way of an upgrade."""
        return replace(self, upgrade_problem=f"{error.detail} {error.advice}")


def read_stack_settings(
    ctx: Context, principal: Principal, stack_id: str, right: Right = Right.STACK_READ
) -> StackSettingsPage:
    """Read the settings tab for somebody who has ``right``.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, right)

        def stacks_of(kind: str) -> list[Option]:
            return _choices(session, stack, ctx.catalog.kinds_in_place_of(kind))

        fields = changeable_fields(ctx.catalog, stack, stacks_of)
        present = present_parameters(stack)
        shown = {item.schema_name for item in fields}
        return StackSettingsPage(
            header=stack_header(ctx, session, principal, stack),
            parameters=filled(fields, typed_parameters(fields, present), stack.version),
            fixed=[item for item in masked_parameters(ctx, stack) if item.name not in shown],
            present=present,
            settings=filled(settings_fields(stack), present_settings(stack), stack.version),
            expires_at=stack.expires_at,
            blueprint_version=stack.blueprint_version,
            versions=_versions(ctx, stack),
            auto_apply=stack.auto_apply,
        )


def _choices(session: Session, stack: Stack, kinds: Sequence[str]) -> list[Option]:
    """Return the stacks that a parameter may name: those it names already, and those ready."""
    found = {link.target.name: link.target for link in stack.references}
    named = [row for row in found.values() if row.kind in kinds]
    ready = usable_stacks(session, kinds, stack.project_id, stack.cloud_account_id)
    rows = {row.name: row for row in [*named, *ready]}
    return [Option(row.name, row.name, f"{row.region}, {row.status}") for row in rows.values()]


def _versions(ctx: Context, stack: Stack) -> list[str]:
    known = ctx.catalog.versions.get(stack.kind, {})
    others = [
        item.version
        for item in known.values()
        if stack.cloud in item.clouds and item.version != stack.blueprint_version
    ]
    return sorted(others, key=Version, reverse=True)
