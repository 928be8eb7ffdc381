"""What the settings tab of a stack shows: parameters, settings, versions of its blueprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.console.shell.forms.entry import FormEntry, filled
from app.console.shell.forms.fields import Option
from app.console.stacks.parameters_form import (
    changeable_fields,
    present_parameters,
    typed_parameters,
)
from app.console.stacks.read_header import StackHeader, stack_header
from app.console.stacks.read_values import Value, masked_parameters
from app.console.stacks.settings_form import present_settings, settings_fields
from app.domain.permissions import Right
from app.domain.versions import Version
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.stacks.history import PastParameters, may_see_history, parameters_before
from app.services.stacks.placement import usable_stacks


@dataclass(frozen=True)
class StackSettingsPage:
    """The settings tab. ``fixed`` are parameters that the form does not change.

    ``versions`` are the other versions of the blueprint on the stack's cloud, newest first.
    """

    header: StackHeader
    parameters: FormEntry
    fixed: list[Value]
    present: dict[str, Any]
    settings: FormEntry
    expires_at: datetime | None
    labels: Mapping[str, str]
    blueprint_version: str
    versions: list[str]
    auto_apply: str
    upgrade_problem: str | None = None
    past: PastParameters | None = None


def read_stack_settings(
    ctx: Context,
    principal: Principal,
    stack_id: str,
    right: Right = Right.STACK_READ,
    before: int = 0,
) -> StackSettingsPage:
    """Read the settings tab for somebody who has ``right``.

    Args:
        ctx: the services' context.
        principal: who asks.
        stack_id: which stack.
        right: what the caller must have.
        before: number of a change; the form then holds the parameters of before it.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``, and for a change that is none.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, right)

        def stacks_of(kind: str) -> list[Option]:
            return _choices(session, stack, ctx.catalog.kinds_in_place_of(kind))

        fields = changeable_fields(ctx.catalog, stack, stacks_of)
        present = present_parameters(stack)
        shown = {item.schema_name for item in fields}
        past = _past(session, principal, stack, present, before)
        return StackSettingsPage(
            header=stack_header(ctx, session, principal, stack),
            parameters=filled(
                fields,
                typed_parameters(fields, past.values if past is not None else present),
                stack.version,
            ),
            fixed=[item for item in masked_parameters(ctx, stack) if item.name not in shown],
            present=present,
            settings=filled(settings_fields(stack), present_settings(stack), stack.version),
            expires_at=stack.expires_at,
            labels=stack.labels,
            blueprint_version=stack.blueprint_version,
            versions=_versions(ctx, stack),
            auto_apply=stack.auto_apply,
            past=past,
        )


def _past(
    session: Session, principal: Principal, stack: Stack, present: dict[str, Any], before: int
) -> PastParameters | None:
    if not before or not may_see_history(principal, stack):
        return None
    return parameters_before(session, stack, present, before)


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
