"""Destroy a stack, alone or with everything that uses it, or show what that would be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Response
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.schemas import Ref, Request, ResponseSchema, choices
from app.api.resources.stacks.answers import accept
from app.domain.stacks import StackStatus
from app.models import Stack
from app.services.stacks.deletion import delete_stack, destruction_order
from app.web.context import current_context, current_principal

PLAN, YES, NO = "plan", "true", "false"


class DeletionQuery(Request):
    """What becomes of the stacks that use the one to be destroyed."""

    cascade = fields.String(
        load_default=NO,
        validate=validate.OneOf([NO, PLAN, YES]),
        metadata={
            "description": "`plan` shows what would go and does nothing; `true` destroys the "
            "stacks that use this one too, before it."
        },
    )


class CascadeStack(Ref):
    """A stack that would go."""

    kind = fields.String(required=True)
    status = fields.String(required=True, validate=choices(StackStatus))
    deletion_protection = fields.Boolean(required=True)


class CascadeView(ResponseSchema):
    """What a cascade would destroy, in order; ``is_possible`` unless something is protected."""

    stacks = fields.List(fields.Nested(CascadeStack), required=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "How many stacks of each kind"},
    )
    is_possible = fields.Boolean(required=True)


def answer_deletion(stack_id: str, kind: str, cascade: str, version: int | None) -> Response:
    """Answer a DELETE of the stack ``stack_id``."""
    if cascade == PLAN:
        return _show(stack_id, kind)

    return accept(
        lambda work: delete_stack(
            work, stack_id, kind=kind, expected_version=version, with_users=cascade == YES
        )
    )


def _show(stack_id: str, kind: str) -> Response:
    with current_context().read() as session:
        order = destruction_order(session, current_principal(), stack_id, kind=kind)
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
