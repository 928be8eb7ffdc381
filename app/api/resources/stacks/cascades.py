"""Destroy a stack, alone or with everything that uses it; show what that would be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Response
from marshmallow import fields

from app.api.http import responses
from app.api.http.fields import QueryFlag
from app.api.http.schemas import Ref, Request, ResponseSchema, choices
from app.domain.stacks import StackStatus
from app.models import Stack
from app.services.stacks.deletion import destruction_order
from app.web.context import current_context, current_principal


class DeletionQuery(Request):
    """What becomes of the stacks that use the one to be destroyed."""

    cascade = QueryFlag(
        load_default=False,
        metadata={
            "description": "Destroy the stacks that use this one too, before it; "
            "`GET /stacks/{stack_id}/deletion-plan` shows them."
        },
    )


class DeletionPlanStack(Ref):
    """A stack that would go."""

    kind = fields.String(required=True)
    status = fields.String(required=True, validate=choices(StackStatus))
    deletion_protection = fields.Boolean(required=True)


class DeletionPlanView(ResponseSchema):
    """What a cascade would destroy, in order; ``is_possible`` unless something is protected."""

    stacks = fields.List(fields.Nested(DeletionPlanStack), required=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "How many stacks of each kind"},
    )
    is_possible = fields.Boolean(required=True)


def show_deletion_plan(stack_id: str) -> Response:
    """Show what would go with a stack, in the order of destruction."""
    with current_context().read() as session:
        order = destruction_order(session, current_principal(), stack_id)
        return responses.single(
            {
                "stacks": [_stack(row) for row in order],
                "counts": dict(sorted(Counter(row.kind for row in order).items())),
                "is_possible": not any(row.deletion_protection for row in order),
            }
        )


def _stack(row: Stack) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "status": row.status,
        "deletion_protection": row.deletion_protection,
    }
