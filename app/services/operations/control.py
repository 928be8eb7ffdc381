"""Ask for operations on a stack and steer those that exist.

Each function works inside the caller's transaction. The work itself is ``app.services.engine``.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.operation_facts import OperationFacts, Option
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus, can_approve, can_cancel
from app.domain.permissions import Right
from app.domain.plain_words import in_words
from app.domain.plan_options import PlanOptions
from app.domain.stacks import StackStatus
from app.errors import ConflictError, OperationStateError, ValidationError
from app.models import Operation, Stack
from app.services import audit
from app.services.access import require
from app.services.context import notify_after_commit
from app.services.drift import auto_reconcile
from app.services.drift.actions import check_report
from app.services.lookup import operation_by_id, stack_by_id
from app.services.policies.asking import ask_at_request, keep_request_results
from app.services.projects.approval_rules import refuse_own_request
from app.services.queue import interruptions
from app.services.queue.order import add_operation, notify_freed, unfinished_destroy
from app.services.queue.status import move
from app.services.stacks.deletion import refuse_protected
from app.services.state.rollback import check_rollback
from app.services.webhooks import outbox
from app.services.work import Work

STRAY_OPTIONS: tuple[tuple[Option, str], ...] = (
    ("serial", "takes no serial"),
    ("findings", "takes no findings"),
    ("adopt_forgotten", "forgets nothing that could be adopted"),
    ("report_id", "takes no report_id"),
    ("state_backend", "takes no state_backend"),
)
"""What is said of an option to a type that does not take it."""


def request_operation(
    work: Work,
    stack_id: str,
    operation_type: str,
    options: PlanOptions | None = None,
) -> tuple[Stack, Operation]:
    """Queue an operation on a stack; ``options`` narrow or force what its plan does.

    A destroy that is queued or running already is returned again.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        ConflictError: the stack is deleted, or an apply comes after its destroy.
        ValidationError: the options do not fit the type, or a text in them is no address.
        DeletionProtectedError, StackReferencedError: for a destroy, as ``delete_stack``.
        StateLineageError: for a rollback, as ``check_rollback``.
        DriftChangedError: to reconcile or accept a drift, as ``check_report``.
        PolicyDeniedError: a policy forbids it.
    """
    options, facts = (options or PlanOptions()).check(), facts_of(operation_type)
    refuse_stray_options(facts, options)
    if facts.moves_state:
        raise ValidationError.at("/state_backend", "Say where the state goes.")
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STACK_WRITE)
    if stack.status == StackStatus.DELETED:
        raise ConflictError(f"Stack {stack.name!r} is deleted.", advice="Create a new stack.")
    going = unfinished_destroy(work.session, stack)
    if facts.destroys:
        if going is not None:
            return stack, going
        refuse_protected(stack)
    elif facts.may_mutate and going is not None:
        raise ConflictError(
            f"Stack {stack.name!r} is about to be destroyed.",
            advice="Cancel the destroy first, or create a new stack.",
        )
    if facts.is_about_drift:
        check_report(work.session, stack, options.report_id, options.findings)
    if facts.goes_back:
        check_rollback(work.session, stack, options.serial)
    results = ask_at_request(work, stack, facts.name)
    operation = add_operation(
        work.session,
        stack,
        facts.name,
        work.principal,
        options,
        requires_approval=facts.needs_approval,
    )
    keep_request_results(operation, results)
    _audit(work, "operation.request", operation)
    return stack, operation


def refuse_stray_options(facts: OperationFacts, options: PlanOptions) -> None:
    """Refuse options that belong to another type of operation.

    Raises:
        ValidationError: has the pointer of the first one.
    """
    given: dict[Option, object] = {
        "serial": options.serial is not None,
        "findings": options.findings,
        "adopt_forgotten": options.adopts_forgotten,
        "report_id": options.report_id is not None,
        "state_backend": options.state_backend is not None,
    }
    for name, message in STRAY_OPTIONS:
        if given[name] and name not in facts.takes:
            raise ValidationError.at(f"/{name}", f"A {facts.name} {message}.")
    if (options.targets or options.replace) and "targets" not in facts.takes:
        raise ValidationError(f"A {facts.name} takes no targets and no replacements.")


def approve(work: Work, operation_id: str, *, overrides_windows: bool = False) -> Operation:
    """Let a planned operation be applied, or have it planned again when its plan is stale.

    A plan is stale when what is wanted of the stack was changed since it was made. Then it is not
    applied: the operation goes back to the queue and shows its new plan.

    Args:
        work: of who approves.
        operation_id: which operation; with ``overrides_windows`` also one that was approved.
        overrides_windows: apply it now, outside change windows and in spite of maintenance.

    Raises:
        OperationStateError: it does not wait for approval.
        PermissionDeniedError: the caller may not approve, or not override, or asked for it itself
            where the project has a rule against that.
    """
    operation = operation_by_id(work.session, work.principal, operation_id, Right.OPERATION_CONTROL)
    if overrides_windows:
        project_id = operation.stack.project_id
        require(work.principal, Right.WINDOW_OVERRIDE, project_id, f"operation {operation_id!r}")
    is_override = overrides_windows and not operation.overrides_windows
    is_decided = operation.approved_at is not None and not is_override
    if not can_approve(OperationStatus(operation.status)) or is_decided:
        raise OperationStateError(f"Operation {operation.id} is {_said(operation)}, not waiting.")
    if operation.generation != operation.stack.generation:
        move(operation, OperationStatus.PENDING)
        notify_after_commit(work.session, operation)
        _audit(work, "operation.plan_again", operation)
        return operation
    refuse_own_request(work, operation)
    operation.approved_at, operation.approved_by = utc_now(), work.principal.name
    operation.overrides_windows = overrides_windows
    notify_after_commit(work.session, operation)
    action = "operation.approve_override" if overrides_windows else "operation.approve"
    _audit(work, action, operation)
    return operation


def discard(work: Work, operation_id: str) -> Operation:
    """Throw a plan away without applying it.

    Raises:
        OperationStateError: it does not wait for approval.
    """
    operation = operation_by_id(work.session, work.principal, operation_id, Right.OPERATION_CONTROL)
    if not can_approve(OperationStatus(operation.status)) or operation.approved_at is not None:
        raise OperationStateError(f"Operation {operation.id} is {_said(operation)}, not waiting.")
    _end_idle(work.session, operation, OperationStatus.DISCARDED)
    _audit(work, "operation.discard", operation)
    return operation


def force_cancel(work: Work, operation_id: str) -> Operation:
    """Have a Terraform killed that was asked to stop and has not; a second confirmation.

    Raises:
        OperationStateError: it was not canceled before, or its grace period is not over.
    """
    operation = operation_by_id(work.session, work.principal, operation_id, Right.OPERATION_CONTROL)
    asked_at = operation.cancel_requested_at
    if operation.status != OperationStatus.CANCELING or asked_at is None:
        raise OperationStateError(
            f"Operation {operation.id} is {_said(operation)}; force comes after a cancel."
        )
    over_at = asked_at + timedelta(seconds=work.ctx.settings.cancel_grace_seconds)
    if utc_now() < over_at:
        raise OperationStateError(
            f"Terraform may stop by itself until {rfc3339(over_at)}.",
            advice="Wait until then: a killed Terraform can leave resources without a record.",
        )
    if operation.force_requested_at is None:
        operation.force_requested_at = utc_now()
        _audit(work, "operation.force_cancel", operation)
    return operation


def cancel(work: Work, operation_id: str) -> Operation:
    """Ask for an operation to stop: at once when idle, through SIGINT when Terraform runs.

    Raises:
        OperationStateError: it has ended already.
    """
    operation = operation_by_id(work.session, work.principal, operation_id, Right.OPERATION_CONTROL)
    status = OperationStatus(operation.status)
    if operation.cancel_requested_at is not None and status is OperationStatus.CANCELING:
        return operation
    if not can_cancel(status):
        raise OperationStateError(f"Operation {operation.id} is {_said(operation)} already.")
    operation.cancel_requested_at = utc_now()
    operation.cancel_requested_by = work.principal.name
    if status in (OperationStatus.PENDING, OperationStatus.PLANNED):
        _end_idle(work.session, operation, OperationStatus.CANCELED)
    else:
        move(operation, OperationStatus.CANCELING)
    _audit(work, "operation.cancel", operation)
    return operation


def _end_idle(session: Session, operation: Operation, status: OperationStatus) -> None:
    """End an operation that no worker holds, and free its stack for the next one."""
    move(operation, status)
    stack = operation.stack
    if stack.status == StackStatus.CREATING:
        stack.status = StackStatus.FAILED.value
        stack.status_reason = f"The first apply was {in_words(status)}."
        stack.version += 1
    auto_reconcile.end_attempt(session, operation)
    interruptions.follow_end(session, operation, None)
    session.flush()
    outbox.operation_ended(session, operation)
    notify_freed(session, stack.id)


def _said(operation: Operation) -> str:
    return (
        "approved"
        if operation.approved_at and operation.ended_at is None
        else in_words(operation.status)
    )


def _audit(work: Work, action: str, operation: Operation) -> None:
    audit.record(
        work,
        action,
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        type=operation.type,
        stack_id=operation.stack_id,
    )
