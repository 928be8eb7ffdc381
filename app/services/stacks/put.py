"""Make or change the stack of a name, so that it is as a client wants it: safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.mistakes import as_error
from app.domain.permissions import Right
from app.errors import FieldProblem, NotFoundError
from app.models import Operation, Project, Stack
from app.services.access import Principal
from app.services.labels import patch_to
from app.services.lookup import project_named
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.create import NewStack, create_stack
from app.services.work import Work


@dataclass(frozen=True)
class WantedStack:
    """The stack that a client wants to be there.

    Attributes:
        new: how it is made where there is none of its name; its parameters and labels are those
            that it is to have, all others go back to their defaults.
        settings: what else changes where there is one; what it leaves out stays as it is.
    """

    new: NewStack
    settings: StackChange


def put_stack(work: Work, wanted: WantedStack) -> tuple[Stack, Operation | None]:
    """Make the stack, or change it where it is otherwise than wanted.

    Raises:
        ValidationError: a value is not acceptable, or another place than that of the stack.
        NameTakenError: a stack of another kind has the name.
        and what ``create_stack`` and ``change_stack`` raise.
    """
    new = wanted.new
    project = project_named(work.session, work.principal, new.project, Right.STACK_WRITE)
    present = _living(work.session, project, new.kind, new.name)
    if present is None:
        return create_stack(work, new)
    _refuse_other_place(present, new)
    change = replace(
        wanted.settings,
        parameters=_patch(present.parameters, new.parameters),
        labels=patch_to(present.labels, new.labels),
    )
    return change_stack(work, present.id, change)


def stack_named(
    session: Session, principal: Principal, project: str, kind: str, name: str
) -> Stack:
    """Return the living stack of a name.

    Raises:
        NotFoundError: there is none of that kind, or the caller cannot see the project.
    """
    place = project_named(session, principal, project, Right.STACK_READ)
    found = _living(session, place, kind, name)
    if found is None:
        raise NotFoundError(f"There is no {kind} {name!r} in project {place.name!r}.")
    return found


def _living(session: Session, project: Project, kind: str, name: str) -> Stack | None:
    query = select(Stack).where(
        Stack.project_id == project.id,
        Stack.kind == kind,
        Stack.name == name,
        Stack.deleted_at.is_(None),
    )
    return session.scalars(query).unique().first()


def _refuse_other_place(present: Stack, new: NewStack) -> None:
    account, problems = present.cloud_account, []
    if new.cloud_account not in (account.id, account.name):
        message = f"Stack {present.name!r} is in {account.name!r}; it cannot move."
        problems.append(FieldProblem("/cloud_account", message))
    if new.region not in (None, present.region):
        message = f"Stack {present.name!r} is in {present.region!r}; it cannot move."
        problems.append(FieldProblem("/region", message))
    if problems:
        raise as_error(problems)


def _patch(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch to what is wanted; secrets, which are not in ``present``, stay."""
    return {**{name: None for name in present if name not in wanted}, **wanted}
