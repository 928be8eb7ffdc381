"""Take a stack to another version of its blueprint, or plan what that would do.

An upgrade is wanted like a changed parameter: the stack has the new version at once and pending
changes until an apply has ended well. A preview changes nothing; what it looks at is kept sealed
with its operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import KindBlueprint
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus, OperationType
from app.domain.permissions import Right
from app.domain.versions import Version
from app.errors import (
    BlueprintDowngradeError,
    FieldProblem,
    OperationStateError,
    ValidationError,
)
from app.models import Operation, Stack
from app.services.context import Context
from app.services.lookup import operation_by_id, stack_by_id
from app.services.policies.asking import ask_at_request, keep_request_results
from app.services.queue.order import add_operation
from app.services.secrets import merge_parameters, open_json, open_parameters, seal_json
from app.services.stacks import references
from app.services.stacks.change_record import compare_parameters, names_of_targets
from app.services.stacks.editing import (
    audit_stack,
    refuse_deleted,
    refuse_replacement,
    set_parameters,
    touch,
)
from app.services.stacks.reference_needs import check_needs, check_needs_of_users
from app.services.work import Work


@dataclass(frozen=True)
class UpgradeRequest:
    """A version of the blueprint, with parameters and referenced stacks that suit it."""

    blueprint: KindBlueprint
    parameters: dict[str, Any]
    targets: dict[str, Stack]


def request_upgrade(
    work: Work,
    stack_id: str,
    operation_type: str,
    version: str,
    patch: dict[str, Any],
) -> tuple[Stack, Operation]:
    """Queue an apply of another version of the blueprint, or a plan that shows it.

    Args:
        work: of who asks.
        stack_id: which stack.
        operation_type: apply or plan.
        version: the version that is wanted.
        patch: parameters that change with it; null gives one up or puts it back to its default.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        ConflictError: the stack is deleted or being deleted.
        ValidationError: there is no such version, or the parameters do not suit it.
        BlueprintDowngradeError: it is earlier, and the present one does not allow it.
        ImmutableParameterError: a parameter cannot be changed in place.
        ReferenceNotReadyError: as ``references.resolve``.
    """
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STACK_WRITE)
    facts = facts_of(operation_type)
    if "blueprint_version" not in facts.takes:
        message = f"{facts.label} takes no version: it uses that of the stack."
        raise ValidationError.at("/blueprint_version", message)
    refuse_deleted(work.session, stack)
    wanted = _wanted(work, stack, version, patch)
    if not facts.may_mutate:
        operation = add_operation(work.session, stack, operation_type, work.principal)
        operation.sealed_preview = _seal(work.ctx, operation, wanted)
    else:
        operation = _want(work, stack, wanted, operation_type)
    work.session.flush()
    return stack, operation


def open_preview(ctx: Context, session: Session, operation: Operation) -> UpgradeRequest | None:
    """Return what a plan looks at instead of what its stack has, if it does.

    Raises:
        BlueprintMissingError: the version has left the catalog meanwhile.
    """
    if operation.sealed_preview is None:
        return None
    kept = open_json(ctx.keys, operation.sealed_preview, _place(operation))
    blueprint = ctx.catalog.blueprint(operation.stack.kind, kept["version"])
    targets = {
        parameter: session.get_one(Stack, stack_id)
        for parameter, stack_id in kept["targets"].items()
    }
    return UpgradeRequest(blueprint, kept["parameters"], targets)


def apply_preview(work: Work, operation_id: str) -> tuple[Stack, Operation]:
    """Want what a plan looked at, and queue its apply.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        OperationStateError: the plan was no preview, has not ended well, or the stack was changed
            since.
        ConflictError: the stack is deleted or being deleted.
        ReferenceNotReadyError: a stack that it refers to is gone meanwhile.
    """
    preview = operation_by_id(work.session, work.principal, operation_id)
    stack = stack_by_id(work.session, work.principal, preview.stack_id, Right.STACK_WRITE)
    refuse_deleted(work.session, stack)
    if not can_apply_preview(preview):
        raise OperationStateError(
            f"Operation {operation_id} shows no change that could be made now.",
            advice="Preview the change again.",
        )
    kept = open_preview(work.ctx, work.session, preview)
    if kept is None:
        raise OperationStateError(f"Operation {operation_id} was no preview.")
    # The catalog and other stacks may have changed since, so it is judged again.
    wanted = _wanted(work, stack, kept.blueprint.version, kept.parameters)
    operation = _want(work, stack, wanted, OperationType.APPLY, preview=operation_id)
    work.session.flush()
    return stack, operation


def can_apply_preview(operation: Operation) -> bool:
    """Tell whether what a plan looked at can still be had by ``apply_preview``."""
    return (
        operation.sealed_preview is not None
        and operation.status == OperationStatus.PLANNED_AND_FINISHED
        and operation.generation == operation.stack.generation
    )


def _wanted(
    work: Work,
    stack: Stack,
    version: str,
    patch: dict[str, Any],
) -> UpgradeRequest:
    blueprint = _find(work.ctx, stack, version)
    _refuse_downgrade(work.ctx, stack, version)
    old = merge_parameters(work.ctx.keys, stack)
    given = {name: value for name, value in patch.items() if value is not None}
    merged = {name: value for name, value in old.items() if name not in patch} | given
    carried = _without_dropped(work.ctx, stack, blueprint, merged, given)
    parameters = blueprint.generate(blueprint.validate(carried))
    targets = references.resolve(work, blueprint, stack.project_id, parameters)
    references.check_placement(targets, stack)
    check_needs(work.ctx.catalog, stack, blueprint, targets)
    check_needs_of_users(work.ctx.catalog, stack, parameters)
    parameters = references.with_ids(parameters, targets)
    _refuse_replacement(stack, blueprint, old, parameters)
    blueprint.check_offered(work.ctx.catalog.cloud(stack.cloud), parameters)
    return UpgradeRequest(blueprint, parameters, targets)


def _find(ctx: Context, stack: Stack, version: str) -> KindBlueprint:
    found = ctx.catalog.find(stack.kind, version)
    if found is None or stack.cloud not in found.clouds:
        on = [
            item.version
            for item in ctx.catalog.versions.get(stack.kind, {}).values()
            if stack.cloud in item.clouds
        ]
        message = (
            f"The kind {stack.kind} has no such version on {stack.cloud}; "
            f"it has: {', '.join(on) or 'none'}."
        )
        raise ValidationError.at("/blueprint_version", message)
    return found


def _refuse_downgrade(ctx: Context, stack: Stack, version: str) -> None:
    """Going back is possible to what was applied last, and where the applied version allows it."""
    applied = stack.applied_blueprint_version
    if applied is None or not Version(version) < Version(applied):
        return
    present = ctx.catalog.find(stack.kind, applied)
    if present is None or version not in present.downgrade_to:
        why = "does not allow it" if present else "has left the catalog, so nobody can tell"
        raise BlueprintDowngradeError.at(
            "/blueprint_version",
            f"Stack {stack.name!r} has version {applied} of {stack.kind}, which {why}.",
        )


def _without_dropped(
    ctx: Context,
    stack: Stack,
    blueprint: KindBlueprint,
    merged: dict[str, Any],
    given: dict[str, Any],
) -> dict[str, Any]:
    """Leave out parameters that the version no longer has, where they only had their default.

    Raises:
        ValidationError: one has another value, which must not get lost unnoticed.
    """
    gone = [name for name in merged if name not in blueprint.schema.properties]
    present = ctx.catalog.find(stack.kind, stack.blueprint_version)
    defaults = present.schema.complete({}) if present else {}
    lost = [
        name
        for name in gone
        if name not in given and merged[name] not in (None, defaults.get(name))
    ]
    if lost:
        message = f"Version {blueprint.version} has no such parameter; put null here to give it up."
        problems = tuple(FieldProblem(f"/parameters/{name}", message) for name in lost)
        raise ValidationError(f"{problems[0].pointer}: {message}", problems=problems)
    return {name: value for name, value in merged.items() if name not in gone or name in given}


def _refuse_replacement(
    stack: Stack, blueprint: KindBlueprint, old: dict[str, Any], new: dict[str, Any]
) -> None:
    """A parameter that the stack never had may get any value."""
    changed = blueprint.immutable_changes(old, new)
    refuse_replacement(stack, [pointer for pointer in changed if pointer.split("/")[2] in old])


def _want(
    work: Work, stack: Stack, wanted: UpgradeRequest, operation_type: str, **told: Any
) -> Operation:
    """Adopt what is wanted and queue its operation; the trail has what it changes."""
    before, version = stack.blueprint_version, wanted.blueprint.version
    old = merge_parameters(work.ctx.keys, stack)
    names = names_of_targets(stack) | {row.id: row.name for row in wanted.targets.values()}
    after = wanted.blueprint.split_sensitive(wanted.parameters)[1]
    secret = {*open_parameters(work.ctx.keys, stack), *after}
    changes = compare_parameters(old, wanted.parameters, secret, names)
    _adopt(work.ctx, stack, wanted)
    results = ask_at_request(work, stack, operation_type)
    operation = add_operation(work.session, stack, operation_type, work.principal)
    keep_request_results(operation, results)
    told |= {"operation_id": operation.id, "changes": changes}
    if version == before:
        audit_stack(work, "stack.change", stack, changed=["parameters"], **told)
    else:
        versions = {"from_version": before, "to_version": version}
        audit_stack(work, "stack.upgrade", stack, **versions, **told)
    return operation


def _adopt(ctx: Context, stack: Stack, wanted: UpgradeRequest) -> None:
    references.attach(stack, wanted.targets)
    set_parameters(ctx, stack, wanted.blueprint, wanted.parameters)
    stack.blueprint_version = wanted.blueprint.version
    stack.generation += 1
    touch(stack)


def _seal(ctx: Context, operation: Operation, wanted: UpgradeRequest) -> bytes:
    kept = {
        "version": wanted.blueprint.version,
        "parameters": wanted.parameters,
        "targets": {parameter: stack.id for parameter, stack in wanted.targets.items()},
    }
    return seal_json(ctx.keys, kept, _place(operation))


def _place(operation: Operation) -> str:
    return f"preview:{operation.id}"
