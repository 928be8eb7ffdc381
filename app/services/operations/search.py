"""Find a thing by what a person has at hand: a name, an id of the cloud, an address, a label.

Resources are found by the digests of what each state holds (``app.domain.resource_keys``), by
outputs that are no secret, and by drift findings; no state is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, String, cast, func, or_, select
from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog
from app.domain.permissions import ServiceRight
from app.domain.resource_keys import Place, own_keys
from app.models import DriftFinding, Operation, ResourceKey, Stack, StackOutput, User
from app.services.access import Principal, visible
from app.services.operations.queries import AS_ROWS
from app.services.paging import PageRequest
from app.services.stacks.fleet import WITHOUT_OTHERS
from app.services.stacks.queries import StackFilter, list_stacks

MAX_FOUND = 8
"""How many of each kind are returned."""

LEAST_PART = 3
"""Shorter texts are compared with whole names only, not with parts of outputs and addresses."""

KEYS_AT_ONCE = 500


@dataclass(frozen=True)
class StackWithResource:
    """A stack that has what was looked for, and in what it was found."""

    stack: Stack
    where: str


@dataclass(frozen=True)
class Found:
    """What a text stands for, as the caller may see it."""

    stacks: Sequence[Stack]
    resources: Sequence[StackWithResource]
    operations: Sequence[Operation]
    people: Sequence[str]


def search(session: Session, catalog: Catalog, principal: Principal, text: str) -> Found:
    """Search for ``text``, which is not empty."""
    stacks = list_stacks(session, principal, StackFilter(text=text), PageRequest(MAX_FOUND)).items
    return Found(
        stacks=stacks,
        resources=_resources(session, catalog, principal, text),
        operations=_operations(session, principal, text),
        people=_people(session, principal, text),
    )


def _resources(
    session: Session, catalog: Catalog, principal: Principal, text: str
) -> list[StackWithResource]:
    found: dict[str, str] = {}
    for stack_id in _holders(session, catalog, principal, text):
        found.setdefault(stack_id, "holds this resource")
    if len(text) >= LEAST_PART:
        for stack_id, name in session.execute(
            select(StackOutput.stack_id, StackOutput.name)
            .join(Stack, Stack.id == StackOutput.stack_id)
            .where(_seen(principal), StackOutput.value.is_not(None), _says(text))
            .limit(MAX_FOUND)
        ):
            found.setdefault(stack_id, f"output {name}")
        for stack_id, address in session.execute(
            select(DriftFinding.stack_id, func.min(DriftFinding.address))
            .join(Stack, Stack.id == DriftFinding.stack_id)
            .where(_seen(principal), DriftFinding.gone_since.is_(None), _names(text))
            .group_by(DriftFinding.stack_id)
            .limit(MAX_FOUND)
        ):
            found.setdefault(stack_id, f"drift of {address or text}")
    query = select(Stack).where(Stack.id.in_(list(found)[:MAX_FOUND])).options(*WITHOUT_OTHERS)
    rows = {stack.id: stack for stack in session.scalars(query)}
    return [StackWithResource(rows[key], where) for key, where in found.items() if key in rows]


def _holders(session: Session, catalog: Catalog, principal: Principal, text: str) -> Iterable[str]:
    """Yield the living stacks whose newest state holds a resource of that id."""
    query = select(Stack.cloud, Stack.cloud_account_id, Stack.region).where(_seen(principal))
    places = [Place(*row) for row in session.execute(query.distinct())]
    keys = sorted(
        {
            key
            for place in places
            for type_ in _types(catalog, place.cloud)
            for key in own_keys(place, type_, {"id": text})
        }
    )
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        held = (
            select(Stack.id)
            .join(ResourceKey, ResourceKey.stack_id == Stack.id)
            .where(ResourceKey.key.in_(some), _seen(principal))
        )
        yield from session.scalars(held.limit(MAX_FOUND))


def _types(catalog: Catalog, cloud: str) -> set[str]:
    return {
        type_ for kind in catalog.kinds for type_ in catalog.declared_types(kind, cloud).managed
    }


def _operations(session: Session, principal: Principal, text: str) -> Sequence[Operation]:
    query = (
        select(Operation)
        .join(Stack)
        .where(visible(principal, Stack.project_id), Operation.id == text)
    )
    return session.scalars(query.options(*AS_ROWS)).all()


def _people(session: Session, principal: Principal, text: str) -> Sequence[str]:
    """Return names of users; only those who manage users find others."""
    if not principal.may(ServiceRight.USER_MANAGE):
        return []
    query = select(User.name).where(User.name.contains(text, autoescape=True))
    return session.scalars(query.order_by(User.name).limit(MAX_FOUND)).all()


def _seen(principal: Principal) -> ColumnElement[bool]:
    return visible(principal, Stack.project_id) & Stack.deleted_at.is_(None)


def _says(text: str) -> ColumnElement[bool]:
    """Return the condition that an output holds the text; a list is compared as it is written."""
    written = json.dumps(text, ensure_ascii=False)
    value = cast(StackOutput.value, String)
    return or_(value == written, value.contains(written, autoescape=True))


def _names(text: str) -> ColumnElement[bool]:
    return or_(
        DriftFinding.resource_id == text, DriftFinding.address.contains(text, autoescape=True)
    )
