"""Filters that name something: what does not exist is a mistake, not an empty list."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.mistakes import as_error
from app.domain.permissions import Right
from app.errors import FieldProblem, NotFoundError
from app.models import Stack
from app.services.access import Principal, visible
from app.services.context import Context
from app.services.lookup import project_named

Names = str | Sequence[str] | None
"""One value of a filter, several, or none."""


def refuse_unknown(
    ctx: Context,
    session: Session,
    principal: Principal,
    *,
    project: Names = None,
    kind: Names = None,
    cloud: Names = None,
) -> None:
    """Refuse filters that name a project, kind or cloud which is not there.

    A kind or cloud that left the catalog is known as long as a stack has it.

    Raises:
        ValidationError: has each with its parameter.
        PermissionDeniedError: an API token may not read stacks.
    """
    missing = [
        *(("project", name) for name in _each(project) if not _is_seen(session, principal, name)),
        *(
            ("kind", name)
            for name in _each(kind)
            if name not in ctx.catalog.kinds and not _is_used(session, Stack.kind, name)
        ),
        *(
            ("cloud", name)
            for name in _each(cloud)
            if name not in ctx.catalog.clouds and not _is_used(session, Stack.cloud, name)
        ),
    ]
    if missing:
        raise as_error([_problem(parameter, name) for parameter, name in missing])


def stack_ids(session: Session, principal: Principal, named: Names) -> list[str] | None:
    """Return the ids of the stacks that a filter names by id or name; None without a filter.

    Raises:
        ValidationError: there is none of that name that the caller can see.
    """
    if named is None:
        return None
    found = []
    for name in _each(named):
        query = select(Stack.id).where(
            or_(Stack.id == name, Stack.name == name), visible(principal, Stack.project_id)
        )
        ids = list(session.scalars(query))
        if not ids:
            raise as_error([_problem("stack", name)])
        found += ids
    return found


def _each(names: Names) -> Sequence[str]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else names


def _is_seen(session: Session, principal: Principal, name: str) -> bool:
    try:
        project_named(session, principal, name, Right.STACK_READ)
    except NotFoundError:
        return False
    return True


def _is_used(session: Session, column: InstrumentedAttribute[str], name: str) -> bool:
    is_it: ColumnElement[bool] = column == name
    return session.scalar(select(Stack.id).where(is_it).limit(1)) is not None


def _problem(parameter: str, name: str) -> FieldProblem:
    return FieldProblem(f"?{parameter}", f"There is no {parameter} {name!r}.")
