"""Change settings or parameters of a stack; an apply is queued where Terraform has to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.mistakes import Mistakes
from app.domain.operations import AutoApply, OperationType
from app.domain.permissions import Right
from app.domain.stacks import OnExpiry
from app.errors import FieldProblem
from app.models import Operation, Stack
from app.services.context import Context
from app.services.labels import check_labels, merge_labels
from app.services.lookup import expect_version, stack_by_id
from app.services.policies.asking import ask_at_request, keep_request_results
from app.services.queue.order import add_operation
from app.services.schedules.settings import DriftSettings, change_schedule, rhythm_of
from app.services.secrets import open_parameters
from app.services.stacks import references
from app.services.stacks.change_record import (
    Changes,
    compare,
    compare_parameters,
    names_of_targets,
    settings_of,
)
from app.services.stacks.editing import (
    audit_stack,
    check_offered,
    end_of_life,
    refuse_deleted,
    refuse_replacement,
    set_parameters,
    touch,
)
from app.services.stacks.reference_needs import check_needs, check_needs_of_users
from app.services.work import Work


@dataclass(frozen=True)
class StackChange:
    """What a client wants to change; ``None`` leaves a field as it is.

    ``parameters`` and ``labels`` are merged into the present ones (RFC 7396 for the top level): a
    parameter that is ``None`` there goes back to its default, a label that is ``None`` goes.
    """

    parameters: dict[str, Any] | None = None
    labels: Mapping[str, str | None] | None = None
    auto_apply: AutoApply | None = None
    drift: DriftSettings | None = None
    expires_at: datetime | None = None
    lives_for: timedelta | None = None
    clear_expiry: bool = False
    on_expiry: OnExpiry | None = None
    deletion_protection: bool | None = None


def change_stack(
    work: Work,
    stack_id: str,
    change: StackChange,
    *,
    kind: str | None = None,
    expected_version: int | None = None,
) -> tuple[Stack, Operation | None]:
    """Change settings or parameters; queue an apply when Terraform has to run.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        PreconditionFailedError: the stack is no longer at ``expected_version``.
        ImmutableParameterError: a parameter cannot be changed in place.
        BlueprintMissingError: the stack's version of its blueprint has left the catalogue.
        ConflictError: the stack is deleted or being deleted.
        PolicyDeniedError: a policy forbids it.
    """
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STACK_WRITE, kind=kind)
    expect_version(f"Stack {stack.name!r}", stack.version, expected_version)
    refuse_deleted(work.session, stack)
    before, mistakes, patch = settings_of(stack), Mistakes(), change.parameters
    changed = mistakes.note(lambda: _change_settings(work.ctx, stack, change)) or []
    changes = compare(before, settings_of(stack))
    made = mistakes.note(lambda: _change_parameters(work, stack, patch)) if patch else None
    mistakes.refuse()
    operation = None
    if made:
        changed.append("parameters")
        changes |= made
        stack.generation += 1
        results = ask_at_request(work, stack, OperationType.APPLY)
        operation = add_operation(work.session, stack, OperationType.APPLY, work.principal)
        keep_request_results(operation, results)
    if changed:
        touch(stack)
        audit_stack(work, "stack.change", stack, changed=changed, changes=changes)
    work.session.flush()
    return stack, operation


def _change_settings(ctx: Context, stack: Stack, change: StackChange) -> list[str]:
    _refuse_bad_settings(stack, change)
    changed = []
    labels = merge_labels(stack.labels, change.labels or {})
    if labels != stack.labels:
        stack.labels = labels
        changed.append("labels")
    if change.auto_apply is not None and change.auto_apply != stack.auto_apply:
        stack.auto_apply = change.auto_apply.value
        changed.append("auto_apply")
    if change.deletion_protection not in (None, stack.deletion_protection):
        stack.deletion_protection = bool(change.deletion_protection)
        changed.append("deletion_protection")
    if change.drift is not None:
        rhythm = rhythm_of(ctx.settings, stack.project)
        if change_schedule(stack.schedule, change.drift, rhythm):
            changed.append("drift")
    expires_at = end_of_life(change.expires_at, change.lives_for, stack.expires_at)
    says_expiry = change.clear_expiry or expires_at is not None
    if says_expiry and expires_at != stack.expires_at:
        stack.expires_at = expires_at
        changed.append("expires_at")
    if change.on_expiry not in (None, stack.on_expiry):
        stack.on_expiry = str(change.on_expiry)
        changed.append("on_expiry")
    return changed


def find_mistakes(
    work: Work, stack_id: str, change: StackChange, *, kind: str
) -> tuple[FieldProblem, ...]:
    """Return what is wrong with a change of a stack, parts of which may be missing.

    Raises:
        NotFoundError, PermissionDeniedError: as ``change_stack``.
    """
    stack, mistakes = stack_by_id(work.session, work.principal, stack_id, kind=kind), Mistakes()
    mistakes.note(lambda: _refuse_bad_settings(stack, change))
    mistakes.note(lambda: _merge_parameters(work.ctx, stack, change.parameters or {}))
    return mistakes.problems


def _refuse_bad_settings(stack: Stack, change: StackChange) -> None:
    mistakes = Mistakes()
    mistakes.note(lambda: check_labels(merge_labels(stack.labels, change.labels or {})))
    mistakes.note(lambda: end_of_life(change.expires_at, change.lives_for, stack.expires_at))
    mistakes.refuse()


def _change_parameters(work: Work, stack: Stack, patch: dict[str, Any]) -> Changes:
    """Change parameters; return what is other than before."""
    blueprint = work.ctx.catalog.blueprint(stack.kind, stack.blueprint_version)
    old = blueprint.merge_sensitive(stack.parameters, open_parameters(work.ctx.keys, stack))
    new = blueprint.generate(_merge_parameters(work.ctx, stack, patch))
    resolved = references.resolve(work, blueprint, stack.project_id, new)
    references.check_placement(resolved, stack)
    check_needs(work.ctx.catalog, stack, blueprint, resolved)
    check_needs_of_users(work.ctx.catalog, stack, new)
    new = references.with_ids(new, resolved)
    refuse_replacement(stack, blueprint.immutable_changes(old, new))
    check_offered(work.ctx, stack, blueprint, new)
    if new == old:
        return {}
    names = names_of_targets(stack) | {row.id: row.name for row in resolved.values()}
    secret = {*open_parameters(work.ctx.keys, stack), *blueprint.split_sensitive(new)[1]}
    references.attach(stack, resolved)
    set_parameters(work.ctx, stack, blueprint, new)
    return compare_parameters(old, new, secret, names)


def _merge_parameters(ctx: Context, stack: Stack, patch: dict[str, Any]) -> dict[str, Any]:
    blueprint = ctx.catalog.blueprint(stack.kind, stack.blueprint_version)
    old = blueprint.merge_sensitive(stack.parameters, open_parameters(ctx.keys, stack))
    merged = {name: value for name, value in {**old, **patch}.items() if not _is_reset(name, patch)}
    return blueprint.validate(merged)


def _is_reset(name: str, patch: dict[str, Any]) -> bool:
    return name in patch and patch[name] is None
