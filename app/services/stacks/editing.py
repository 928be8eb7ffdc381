"""What every change of a stack has in common: version, refusals, parameters, audit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import KindBlueprint
from app.clock import rfc3339, utc_now
from app.domain.stacks import LEAST_LIFE, StackStatus, is_life_too_short
from app.errors import (
    ConflictError,
    ImmutableParameterError,
    ValidationError,
)
from app.models import Stack
from app.services import audit
from app.services.context import Context
from app.services.queue.order import unfinished_destroy
from app.services.secrets import seal_parameters
from app.services.stacks import references
from app.services.work import Work


def touch(stack: Stack) -> None:
    """Mark the stack as changed, so that its ETag changes."""
    stack.version += 1
    stack.updated_at = utc_now()


def set_parameters(
    ctx: Context, stack: Stack, blueprint: KindBlueprint, parameters: dict[str, Any]
) -> None:
    """Keep validated parameters; sensitive ones sealed only."""
    public, secret = blueprint.split_sensitive(parameters)
    stack.parameters = public
    seal_parameters(ctx.keys, stack, secret)


def check_offered(
    ctx: Context, stack: Stack, blueprint: KindBlueprint, parameters: dict[str, Any]
) -> None:
    """Have the cloud refuse what it does not offer now, not minutes later in a worker."""
    blueprint.check_offered(ctx.catalog.cloud(stack.cloud), parameters)


def end_of_life(
    expires_at: datetime | None, lives_for: timedelta | None, present: datetime | None
) -> datetime | None:
    """Return when a life time ends that is given as a moment or from now on.

    Raises:
        ValidationError: the moment is a new one, and over or nearly so.
    """
    now = utc_now()
    if lives_for is not None:
        return now + lives_for
    if expires_at is not None and expires_at != present and is_life_too_short(expires_at, now):
        least = int(LEAST_LIFE.total_seconds())
        raise ValidationError.at(
            "/expires_at", f"Must be at least {least} seconds ahead; it is now {rfc3339(now)}."
        )
    return expires_at


def refuse_replacement(stack: Stack, pointers: list[str]) -> None:
    """Refuse to change what cannot be changed in place, once anything was made.

    Raises:
        ImmutableParameterError: names the ``pointers`` and every stack that would be replaced.
    """
    if pointers and stack.applied_generation:
        replaced = [
            {"id": item.id, "name": item.name, "kind": item.kind}
            for item in references.with_all_users(stack)
        ]
        raise ImmutableParameterError.for_parameters(stack.name, pointers, replaced)


def refuse_deleted(session: Session, stack: Stack) -> None:
    """Refuse to change a stack that is gone or going.

    Raises:
        ConflictError: it is deleted, or its destroy is queued or running.
    """
    is_leaving = unfinished_destroy(session, stack) is not None
    if is_leaving or stack.status in (StackStatus.DELETED, StackStatus.DELETING):
        what = "being deleted" if is_leaving else stack.status
        raise ConflictError(
            f"Stack {stack.name!r} is {what}.", advice="Create a new stack instead."
        )


def audit_stack(work: Work, action: str, stack: Stack, **detail: Any) -> None:
    """Record what a principal did with a stack."""
    audit.record_stack(
        work,
        action,
        stack,
        name=stack.name,
        kind=stack.kind,
        **detail,
    )
