"""Find what else is wrong with a body of a stack that a schema refuses: its place, its parameters.

So a client that left two mistakes, of which services would only find the second once the first is
gone, is told of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import request

from app.api.resources.stacks.bodies import NewStackBody, StackChangeBody
from app.errors import FieldProblem, LandformError
from app.services.stacks import change, create
from app.services.stacks.change import StackChange
from app.services.stacks.create import NewStack
from app.services.work import Work
from app.web.context import current_context, current_principal


def new_body_of(kind: str) -> type[NewStackBody]:
    """Return the body of a new stack of ``kind``, without its parameters."""

    class Body(NewStackBody):
        """A new stack."""

        def find_further(self, valid: dict[str, Any]) -> Sequence[FieldProblem]:
            wanted = NewStack(
                kind=kind,
                name=valid.get("name", ""),
                project=valid.get("project", ""),
                cloud_account=valid.get("cloud_account", ""),
                region=valid.get("region"),
                parameters=valid.get("parameters", {}),
                labels=valid.get("labels", {}),
                expires_at=valid.get("expires_at"),
            )
            return _ask(lambda work: create.find_mistakes(work, wanted))

    return Body


def change_body_of(kind: str) -> type[StackChangeBody]:
    """Return the body of a change of a stack of ``kind``, without its parameters."""

    class Body(StackChangeBody):
        """A change of a stack."""

        def find_further(self, valid: dict[str, Any]) -> Sequence[FieldProblem]:
            wanted = StackChange(
                parameters=valid.get("parameters"),
                labels=valid.get("labels"),
                expires_at=valid.get("expires_at"),
            )
            stack_id = (request.view_args or {})["stack_id"]
            return _ask(lambda work: change.find_mistakes(work, stack_id, wanted, kind=kind))

    return Body


def _ask(find: Callable[[Work], Sequence[FieldProblem]]) -> Sequence[FieldProblem]:
    """Return what a service finds; what is not about a field is told once the fields are good."""
    ctx = current_context()
    with ctx.read() as session:
        try:
            return find(Work(ctx, session, current_principal()))
        except LandformError:
            return ()
