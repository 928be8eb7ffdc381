"""Decide what becomes of an interrupted operation. A person decides, and it is audited.

The ways out and what they do stand in ``app.domain.interruptions``. What a decision did not reach
keeps the operation open, and a person may decide anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.interruptions import DestroyUnverifiedError, OrphansUnresolvedError, Resolution
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus, OperationType
from app.domain.permissions import Right
from app.domain.plain_words import counted, in_words
from app.domain.plan_options import Import, PlanOptions
from app.domain.stacks import StackStatus
from app.errors import OperationStateError, ValidationError
from app.models import Operation, StateVersion
from app.services import audit
from app.services.access import Principal, require
from app.services.context import Context
from app.services.lookup import operation_by_id
from app.services.operations.outcomes import mark_deleted
from app.services.queue import interruptions
from app.services.queue.order import add_operation, holder_of, notify_freed
from app.services.stacks.deletion import refuse_protected
from app.services.stacks.editing import touch
from app.services.state import ownership
from app.services.work import Work

MAY_FORCE = (Resolution.RETRY, Resolution.ACCEPT)


@dataclass(frozen=True)
class Decision:
    """What a person decided about an interrupted operation.

    ``imports`` has, for ``adopt``, address and id of each resource to take in; without any, all
    possible orphans of which both are known. ``is_forced`` leaves orphans where they are, for the
    ``reason`` that is recorded.
    """

    action: Resolution
    imports: tuple[Import, ...] = ()
    is_forced: bool = False
    reason: str | None = None

    def check(self) -> None:
        """Check what belongs together.

        Raises:
            ValidationError: a field does not fit the action, or a reason is missing.
        """
        if self.imports and self.action is not Resolution.ADOPT:
            raise ValidationError.at("/imports", "Only adopt takes imports.")
        if self.is_forced and self.action not in MAY_FORCE:
            raise ValidationError.at("/force", f"There is nothing to force about {self.action}.")
        if self.is_forced and not (self.reason or "").strip():
            raise ValidationError.at("/reason", "Say why the orphans may be left as they are.")


def examine_imports(
    ctx: Context, principal: Principal, operation_id: str, decision: Decision
) -> None:
    """Check whose the resources are that a decision would take in; asks the cloud.

    Called before the transaction of ``resolve``.

    Raises:
        OperationStateError, ValidationError: as ``resolve``; or a resource is none that the
            operation itself named, or that carries the tag of the stack, or it is another stack's.
        CloudSearchError: the cloud could not be asked.
    """
    decision.check()
    if decision.action is Resolution.ACCEPT:
        return
    with ctx.read() as session:
        operation = operation_by_id(session, principal, operation_id, Right.OPERATION_CONTROL)
        _require_open(session, operation)
        chosen = _chosen_imports(operation, decision)
        named = [item["id"] for item in operation.possibly_orphaned if item["id"]]
        stack = operation.stack
    with ownership.recording_refusals(ctx, principal, stack, "operation.adopt_refused"):
        ownership.refuse_foreign_imports(ctx, stack.id, chosen, named)


def resolve(
    work: Work, operation_id: str, decision: Decision
) -> tuple[Operation, Operation | None]:
    """Resolve an interrupted operation.

    What follows waits for approval, and nothing else may change the stack before it has ended.

    Args:
        work: of who decides.
        operation_id: the interrupted operation.
        decision: what is decided.

    Returns:
        The interrupted operation, and the one that was queued.

    Raises:
        OperationStateError: it is not interrupted, is resolved already, or its stack is held.
        OrphansUnresolvedError: the cloud has not been searched yet, or an orphan cannot be
            imported; with force it may be left where it is.
        ValidationError: there is nothing to adopt, or a text is no address or id.
        DeletionProtectedError, StackReferencedError: to destroy, as ``delete_stack``.
    """
    decision.check()
    operation = operation_by_id(work.session, work.principal, operation_id, Right.OPERATION_CONTROL)
    _require_open(work.session, operation)
    following: Operation | None = None
    chosen: tuple[Import, ...] = ()
    if decision.action is Resolution.ACCEPT:
        _accept(work.session, operation, decision)
    else:
        chosen = _chosen_imports(operation, decision)
        following = _plan_again(work, operation, decision, chosen)
    operation.resolution = {
        "action": decision.action.value,
        "by": work.principal.name,
        "at": rfc3339(utc_now()),
        "operation_id": following.id if following else None,
        "is_forced": decision.is_forced,
        "reason": decision.reason,
    }
    audit.record(
        work,
        "operation.resolve",
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        stack_id=operation.stack_id,
        resolution=decision.action.value,
        imports=[item.id for item in chosen],
        left=[item["id"] or item["address"] for item in _left_out(operation, chosen)],
        is_forced=decision.is_forced,
        reason=decision.reason,
    )
    return operation, following


def _require_open(session: Session, operation: Operation) -> None:
    if operation.status != OperationStatus.INTERRUPTED:
        raise OperationStateError(
            f"Operation {operation.id} is {in_words(operation.status)}; "
            "only an interrupted one is resolved."
        )
    if operation.resolution is not None:
        raise OperationStateError(
            f"Operation {operation.id} was resolved by {operation.resolution['by']} already: "
            f"{operation.resolution['action']}."
        )
    if operation.has_unsaved_state:
        raise OperationStateError(
            f"The state of operation {operation.id} is not saved yet.",
            advice="Wait until the volume is back; it is saved by itself.",
        )
    if operation.stack.status == StackStatus.DELETED:
        raise OperationStateError(f"Stack {operation.stack.name!r} is deleted meanwhile.")
    blocker = interruptions.unresolved_of(session, operation.stack_id)
    if blocker is not None and blocker.id != operation.id:
        raise OperationStateError(
            f"Operation {blocker.id} of the stack was interrupted after this one.",
            advice="Resolve that one: it names what this one left, too.",
        )
    holder = holder_of(session, operation.stack_id)
    if holder is not None and facts_of(holder.type).may_mutate:
        raise OperationStateError(f"Operation {holder.id} is working on the stack already.")


def _chosen_imports(operation: Operation, decision: Decision) -> tuple[Import, ...]:
    """Return what is taken into the state by what follows.

    Raises:
        OrphansUnresolvedError, ValidationError: as ``resolve``.
    """
    if decision.action is Resolution.ADOPT:
        return _adopted(operation, decision.imports)
    if decision.is_forced:
        return ()
    if operation.holds_back and operation.orphans_searched_at is None:
        raise OrphansUnresolvedError(
            interruptions.explain(operation),
            advice="Wait for the search, which takes a minute at most once the cloud answers; "
            "retry with force and a reason does without it.",
        )
    chosen = _importable(operation)
    left = _left_out(operation, chosen)
    if left and decision.action is Resolution.RETRY and not facts_of(operation.type).destroys:
        names = ", ".join(str(item["id"] or item["address"]) for item in left)
        raise OrphansUnresolvedError(
            f"{len(left)} of the orphans cannot be imported, because their address or their id is "
            f"not known, or is another's too: {names}.",
            advice="Delete them in the cloud, adopt them under the right addresses, or retry with "
            "force and a reason.",
            context={"possibly_orphaned": left},
        )
    return chosen


def _adopted(operation: Operation, imports: Sequence[Import]) -> tuple[Import, ...]:
    facts = facts_of(operation.type)
    if not facts.builds:
        raise ValidationError.at(
            "/action", f"A {facts.name} takes nothing in; choose destroy, retry or accept."
        )
    chosen = tuple(imports) or _importable(operation)
    if not chosen:
        raise ValidationError.at(
            "/imports", "No possible orphan has both an address and an id; name them here."
        )
    PlanOptions(imports=chosen).check()
    return chosen


def _importable(operation: Operation) -> tuple[Import, ...]:
    """Return the orphans of which address and id are known, one for each address."""
    if not facts_of(operation.type).changes_cloud:
        return ()
    found: dict[str, Import] = {}
    for item in operation.possibly_orphaned:
        if item["address"] and item["id"]:
            candidate = Import(item["address"], item["id"])
            if candidate.is_plain:
                found.setdefault(candidate.to, candidate)
    return tuple(found.values())


def _left_out(operation: Operation, chosen: Sequence[Import]) -> list[Mapping[str, Any]]:
    ids = {item.id for item in chosen}
    return [item for item in operation.possibly_orphaned if item["id"] not in ids]


def _plan_again(
    work: Work,
    operation: Operation,
    decision: Decision,
    imports: tuple[Import, ...],
) -> Operation:
    following = _following_type(work.session, operation)
    if decision.action is Resolution.DESTROY:
        place = f"stack {operation.stack_id!r}"
        require(work.principal, Right.STACK_WRITE, operation.stack.project_id, place)
        following = OperationType.DESTROY
    if facts_of(following).destroys:
        refuse_protected(operation.stack)
    # What a person adopts is to stay; a retry may find what the stack, smaller now, no longer has.
    is_retry = decision.action is Resolution.RETRY and bool(imports)
    options = PlanOptions(imports=imports, takes_unplaced=is_retry)
    if following == operation.type:
        before = PlanOptions.from_dict(operation.options)
        options = replace(
            options,
            serial=before.serial,
            report_id=before.report_id,
            state_backend=before.state_backend,
        )
    return add_operation(
        work.session,
        operation.stack,
        following,
        work.principal,
        options,
        requires_approval=True,
        resolves=operation,
    )


def _following_type(session: Session, operation: Operation) -> str:
    """Return the type of what tries an interrupted operation again."""
    facts = facts_of(operation.type)
    if facts.resumed_as_once_saved and _has_saved_state(session, operation):
        return facts.resumed_as_once_saved
    return facts.resumed_as or operation.type


def _has_saved_state(session: Session, operation: Operation) -> bool:
    saved = select(StateVersion.id).where(StateVersion.operation_id == operation.id).limit(1)
    return session.scalar(saved) is not None


def _accept(session: Session, operation: Operation, decision: Decision) -> None:
    """Keep the state as it was saved, and let others change the stack again.

    A destroy is another matter: ``deleted`` is only written when the cloud holds nothing, or when a
    person vouches for it where the cloud cannot be asked any more.
    """
    stack = operation.stack
    if facts_of(operation.type).destroys:
        _vouch(session, operation, decision)
    elif stack.status == StackStatus.NEEDS_ATTENTION:
        was_applied = stack.applied_generation > 0
        stack.status = (StackStatus.READY if was_applied else StackStatus.FAILED).value
        stack.status_reason = None if was_applied else "Its first apply was interrupted."
        touch(stack)
    if operation.holds_back:
        interruptions.release(session, operation, "a person accepted the state as it is")
        notify_freed(session, operation.stack_id)


def _vouch(session: Session, operation: Operation, decision: Decision) -> None:
    stack, code = operation.stack, (operation.error or {}).get("code")
    if operation.possibly_orphaned:
        raise OrphansUnresolvedError(
            f"The cloud still holds {counted(len(operation.possibly_orphaned), 'resource')} "
            f"of stack {stack.name!r}.",
            advice="Choose destroy, or delete them in the cloud; then it resolves itself.",
            context={"possibly_orphaned": operation.possibly_orphaned},
        )
    if code == DestroyUnverifiedError.code:
        if not decision.is_forced:
            raise ValidationError.at(
                "/force", "The cloud was never asked; say with force and a reason that it is empty."
            )
        mark_deleted(session, stack, operation)
    elif stack.status == StackStatus.NEEDS_ATTENTION:
        stack.status = StackStatus.FAILED.value
        stack.status_reason = "Its destroy was interrupted; what is left stands in its state."
        touch(stack)
