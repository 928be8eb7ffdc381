"""Find things by id or by name, as the caller may see them and at the version that it read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.permissions import Right
from app.errors import NotFoundError, PreconditionFailedError, ValidationError
from app.models import Operation, Project, Stack, User
from app.services.access import Principal, require

GONE = (
    "Check the id. It may be in a project that you cannot see, or removed: old operations are, and "
    "scheduled checks that found nothing new after an hour or so. The stack has its last check."
)


def is_project(reference: str | Sequence[str]) -> ColumnElement[bool]:
    """Return the SQL condition that a project has that id or name, or one of several."""
    names = [reference] if isinstance(reference, str) else list(reference)
    return or_(Project.id.in_(names), Project.name.in_(names))


def fits(columns: Mapping[InstrumentedAttribute[Any], Any]) -> ColumnElement[bool]:
    """Return the SQL condition that each column has its value, or one of a list of values.

    ``None`` does not filter.
    """
    wanted = (
        column.in_(value) if isinstance(value, list) else column == value
        for column, value in columns.items()
        if value is not None
    )
    return and_(true(), *wanted)


def is_between(
    column: InstrumentedAttribute[Any], after: datetime | None, before: datetime | None
) -> ColumnElement[bool]:
    """Return the SQL condition that a time lies between two; ``None`` is no bound."""
    bounds = []
    if after is not None:
        bounds.append(column > after)
    if before is not None:
        bounds.append(column < before)
    return and_(true(), *bounds)


def project_by(session: Session, principal: Principal, reference: str, right: Right) -> Project:
    """Return the project with that id or name.

    Raises:
        ValidationError: there is none that the caller can see (pointer ``/project``).
        PermissionDeniedError: the caller can see it but lacks ``right``.
    """
    try:
        return project_named(session, principal, reference, right)
    except NotFoundError as error:
        raise ValidationError.at("/project", error.detail) from error


def project_named(
    session: Session, principal: Principal, reference: str, right: Right, *, is_locked: bool = False
) -> Project:
    """Return the living project with that id or name.

    Nobody can delete it until the end of the caller's transaction; ``is_locked`` keeps others from
    changing it too.

    Raises:
        NotFoundError: there is none that the caller can see.
        PermissionDeniedError: the caller can see it but lacks ``right``.
    """
    query = _locked_project() if is_locked else _kept_project()
    if not is_locked and right is Right.PROJECT_READ:
        query = _project()
    project = session.scalar(query, {"reference": reference})
    if project is None:
        raise NotFoundError(f"There is no project {reference!r}.")
    require(principal, right, project.id, f"project {reference!r}")
    return project


# Put together once: that takes as long as to ask.
@cache
def _project() -> Select[tuple[Project]]:
    is_it = or_(Project.id == bindparam("reference"), Project.name == bindparam("reference"))
    return select(Project).where(is_it, Project.deleted_at.is_(None))


@cache
def _kept_project() -> Select[tuple[Project]]:
    return _project().with_for_update(read=True, key_share=True)


@cache
def _locked_project() -> Select[tuple[Project]]:
    return _project().with_for_update()


def user_named(session: Session, reference: str, *, is_locked: bool = False) -> User:
    """Return the person with that id or name, who is not deleted.

    Raises:
        NotFoundError: there is none.
    """
    query = select(User).where(
        or_(User.id == reference, User.name == reference), User.deleted_at.is_(None)
    )
    user = session.scalar(query.with_for_update() if is_locked else query)
    if user is None:
        raise NotFoundError(f"There is no user {reference!r}.", advice="Check the id or name.")
    return user


def stack_by_id(
    session: Session,
    principal: Principal,
    stack_id: str,
    right: Right = Right.STACK_READ,
    *,
    kind: str | None = None,
) -> Stack:
    """Return a stack, deleted ones included, whose history is kept.

    A caller who wants to write gets it locked until the end of the transaction, so that what was
    checked (its version, who refers to it) still holds when the change is made.

    Raises:
        NotFoundError: no such stack, of another kind, or in a project the caller cannot see.
        PermissionDeniedError: the caller's role lacks ``right``.
    """
    writes = right in (Right.STACK_WRITE, Right.STATE_WRITE)
    lock = {"of": Stack, "key_share": True} if writes else None
    stack = session.get(Stack, stack_id, with_for_update=lock)
    if stack is None or (kind is not None and stack.kind != kind):
        raise NotFoundError(f"There is no {kind or 'stack'} {stack_id!r}.")
    require(principal, right, stack.project_id, f"{kind or 'stack'} {stack_id!r}")
    return stack


def stack_by_reference(
    session: Session, principal: Principal, project_id: str, reference: str
) -> Stack | None:
    """Return the living stack of a project by id or name, or nothing.

    Nobody can change or delete it until the end of the caller's transaction.
    """
    stack = session.scalar(
        select(Stack)
        .where(
            Stack.project_id == project_id,
            Stack.deleted_at.is_(None),
            or_(Stack.id == reference, Stack.name == reference),
        )
        .with_for_update(of=Stack, read=True)
    )
    if stack is None or not principal.has(Right.STACK_READ, project_id):
        return None
    return stack


def operation_by_id(
    session: Session, principal: Principal, operation_id: str, right: Right = Right.STACK_READ
) -> Operation:
    """Return an operation, locked until the end of the transaction for who wants to steer it.

    Raises:
        NotFoundError: no such operation, or in a project the caller cannot see.
        PermissionDeniedError: the caller's role lacks ``right``.
    """
    lock = {"of": Operation} if right is Right.OPERATION_CONTROL else None
    operation = session.get(Operation, operation_id, with_for_update=lock)
    if operation is None:
        raise NotFoundError(f"There is no operation {operation_id!r}.", advice=GONE)
    try:
        require(principal, right, operation.stack.project_id, f"operation {operation_id!r}")
    except NotFoundError as error:
        error.advice = GONE  # type: ignore[misc]  # so that it looks like one that is gone
        raise
    return operation


def expect_version(what: str, present: int, expected: int | None) -> None:
    """Refuse to change something that was changed since the caller read it.

    Args:
        what: what it is, as the beginning of a sentence.
        present: the version that it has.
        expected: the version that the caller read; ``None`` does not ask.

    Raises:
        PreconditionFailedError: it is at another version.
    """
    if expected is not None and present != expected:
        raise PreconditionFailedError(
            f"{what} was changed since you read it: it is at version {present}, not {expected}."
        )
