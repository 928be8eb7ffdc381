"""Stacks for lists and pages, as the caller may see them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, false, func, or_, select
from sqlalchemy.orm import Session, selectinload

from app.models import DriftFinding, Project, Stack
from app.services.access import Principal, visible
from app.services.lookup import fits, is_between, is_project, stack_by_id
from app.services.paging import Page, PageRequest, fetch_page, fetch_sorted_page

SORTED_BY = {
    "name": Stack.name,
    "kind": Stack.kind,
    "status": Stack.status,
    "drift": Stack.drift_status,
    "region": Stack.region,
    "owner": Stack.created_by,
}
"""By what a list of stacks is sorted, besides age."""


@dataclass(frozen=True)
class StackFilter:
    """Which stacks are wanted; ``None`` does not filter. Deleted ones only by ``status``.

    Of a list of values one has to fit. ``created_after`` and ``created_before`` are not part of
    what they bound.
    """

    project: str | list[str] | None = None
    kind: str | list[str] | None = None
    cloud: str | list[str] | None = None
    region: str | list[str] | None = None
    status: str | list[str] | None = None
    drift: str | list[str] | None = None
    name: str | list[str] | None = None
    ids: list[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    label: str | None = None
    owner: str | None = None
    q: str | None = None
    """A part of the name, or an id."""

    text: str | None = None
    """As ``q``; also a label, or a part of one."""


def list_stacks(
    session: Session,
    principal: Principal,
    wanted: StackFilter,
    page: PageRequest,
    *,
    newest_first: bool = True,
    sort: str | None = None,
) -> Page[Stack]:
    """Return stacks that the caller can see, newest or oldest first.

    Args:
        session: an open transaction.
        principal: who asks.
        wanted: which ones.
        page: how many, and after which.
        newest_first: the order by age.
        sort: one of ``SORTED_BY`` instead; with a minus before it, the last comes first.
    """
    query = filter_stacks(select(Stack).where(visible(principal, Stack.project_id)), wanted)
    # Outputs are shown, which may tell of what is gone; of a finding only that is read.
    deletions = selectinload(Stack.deletions).load_only(DriftFinding.resource_id)
    query = query.options(deletions.lazyload("*"))
    if sort is not None:
        column = SORTED_BY[sort.removeprefix("-")]
        return fetch_sorted_page(
            session, query, (column, Stack.id), page, descending=sort.startswith("-")
        )
    return fetch_page(session, query, Stack.id, page, newest_first=newest_first)


def stacks_by_ids(
    session: Session, principal: Principal, stack_ids: Collection[str]
) -> Sequence[Stack]:
    """Return those of the stacks that the caller can see, by name."""
    query = select(Stack).where(visible(principal, Stack.project_id), Stack.id.in_(list(stack_ids)))
    return session.scalars(query.order_by(Stack.name, Stack.id)).unique().all()


def labels_of(session: Session, principal: Principal, stack_id: str) -> dict[str, str]:
    """Return the labels of a stack.

    Raises:
        NotFoundError: no such stack, or the caller cannot see it.
    """
    return dict(stack_by_id(session, principal, stack_id).labels)


def count_stacks(session: Session, principal: Principal, column: Any) -> dict[str, int]:
    """Count the living stacks that the caller can see by the values of ``column``."""
    query = (
        select(column, func.count())
        .where(visible(principal, Stack.project_id), Stack.deleted_at.is_(None))
        .group_by(column)
    )
    return {str(value): count for value, count in session.execute(query)}


def filter_stacks(query: Select[tuple[Stack]], wanted: StackFilter) -> Select[tuple[Stack]]:
    """Narrow a query of stacks; deleted ones are left out unless their status is asked for."""
    if wanted.status is None:
        query = query.where(Stack.deleted_at.is_(None))
    else:
        query = query.where(fits({Stack.status: wanted.status}))
    if wanted.project is not None:
        query = query.join(Project, Project.id == Stack.project_id).where(
            is_project(wanted.project)
        )
    columns = {
        Stack.kind: wanted.kind,
        Stack.cloud: wanted.cloud,
        Stack.region: wanted.region,
        Stack.drift_status: wanted.drift,
        Stack.created_by: wanted.owner,
        Stack.name: wanted.name,
        Stack.id: wanted.ids,
    }
    query = query.where(fits(columns))
    query = query.where(is_between(Stack.created_at, wanted.created_after, wanted.created_before))
    if wanted.label is not None:
        name, _, value = wanted.label.partition("=")
        query = query.where(Stack.labels[name].as_string() == value)
    if wanted.q is not None:
        query = query.where(_is_named(wanted.q))
    if wanted.text is not None:
        query = query.where(_is_named(wanted.text) | _is_labelled(wanted.text))
    return query


def _is_named(text: str) -> ColumnElement[bool]:
    return or_(Stack.name.contains(text, autoescape=True), Stack.id == text)


def _is_labelled(text: str) -> ColumnElement[bool]:
    """Return the condition that a stack has the label ``name=value``, or a part of any."""
    name, sign, value = text.partition("=")
    if sign and name:
        is_equal: ColumnElement[bool] = Stack.labels[name].as_string() == value
        return is_equal
    return _holds(cast(Stack.labels, String), text)


def _holds(labels: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Compare as JSON is written, so that neither a quote nor a brace of it is found."""
    written = json.dumps(text)[1:-1]
    return labels.contains(written, autoescape=True) if text.strip('{}", :') else false()
