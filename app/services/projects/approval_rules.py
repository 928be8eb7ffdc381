"""Who may not approve a plan: whoever asked for what it does, where the project says so.

A rule for two pairs of eyes is only as good as its idea of who asked. That is not only who queued
the operation, but everybody whose change it would carry out: who changed the stack since it was
last applied, who asked for the interrupted operation that is tried again, and who gave the stack
the end of its life that now destroys it. People count, whatever session or token they came with.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus
from app.errors import PermissionDeniedError
from app.models import AuditEvent, Operation
from app.services.access import SYSTEM_PRINCIPAL
from app.services.work import Work

SYSTEM = SYSTEM_PRINCIPAL.name
SAYS_EXPIRY = ("stack.create", "stack.change")
MAX_LOOKED_AT = 200
AT_ONCE = 100
CARRIED_OUT = (OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED)


def refuse_own_request(work: Work, operation: Operation) -> None:
    """Let nobody approve what it asked for itself, if the project has that rule.

    Raises:
        PermissionDeniedError: the caller is one of those who asked.
    """
    if work.principal.name in barred_names(work.session, operation):
        raise PermissionDeniedError(
            f"{work.principal.name} asked for what operation {operation.id} does, and in this "
            "project nobody approves an own request.",
            advice="Have somebody else who may control operations approve it.",
            context={"project_id": operation.stack.project_id},
        )


def barred_names(session: Session, operation: Operation) -> frozenset[str]:
    """Return who may not approve an operation; nobody without the rule."""
    if not operation.stack.project.approval_not_by_requester:
        return frozenset()
    return askers_of(session, operation)


def needs_another_person(operation: Operation) -> bool:
    """Tell whether a plan awaits approval whatever ``auto_apply`` says.

    Else whoever asks would set that first. What Landform itself puts back to what was approved
    before waits for nobody.
    """
    is_undoing = facts_of(operation.type).undoes_drift and operation.requested_by == SYSTEM
    return operation.stack.project.approval_not_by_requester and not is_undoing


def askers_of(session: Session, operation: Operation) -> frozenset[str]:
    """Return the names of all people whose wish an operation would carry out."""
    names = {operation.requested_by, *_changers(session, operation)}
    names |= _askers_before(session, operation)
    if facts_of(operation.type).destroys and operation.requested_by == SYSTEM:
        names.add(_who_set_the_expiry(session, operation))
    return frozenset(names - {SYSTEM})


def _changers(session: Session, operation: Operation) -> set[str]:
    """Return who asked for anything on the stack since all of it was last applied."""
    query = select(Operation).where(Operation.stack_id == operation.stack_id)
    names: set[str] = set()
    for row in session.scalars(query.order_by(Operation.id.desc()).limit(MAX_LOOKED_AT)):
        if not facts_of(row.type).may_mutate:
            continue
        if row.status in CARRIED_OUT and not (row.options or {}).get("targets"):
            return names
        names.add(row.requested_by)
    return names


def _askers_before(session: Session, operation: Operation) -> set[str]:
    """Return who asked for the interrupted operations that this one tries again."""
    query = select(Operation).where(
        Operation.stack_id == operation.stack_id, Operation.resolution.is_not(None)
    )
    before = {(row.resolution or {}).get("operation_id"): row for row in session.scalars(query)}
    names, following = set(), operation.id
    while following in before:
        earlier = before.pop(following)
        names.add(earlier.requested_by)
        following = earlier.id
    return names


def _who_set_the_expiry(session: Session, operation: Operation) -> str:
    """Return it, however many changes came after: they are made in seconds by who wants to hide."""
    query = (
        select(AuditEvent)
        .where(AuditEvent.object_id == operation.stack_id, AuditEvent.action.in_(SAYS_EXPIRY))
        .order_by(AuditEvent.sequence.desc())
        .execution_options(yield_per=AT_ONCE)
    )
    for event in session.scalars(query):
        if "expires_at" in event.detail.get("changed", ()):
            return str(event.actor)
    return str(operation.stack.created_by)
