"""Ask for a stack and change it; ``stack_deletions`` has its end.

Each function works inside the caller's transaction and returns what it changed; Terraform runs
later, in a worker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.catalog.catalog import KindBlueprint
from app.clock import utc_now
from app.domain import ids
from app.domain.names import NAME_RULE, is_name
from app.domain.operations import AutoApply, OperationType
from app.domain.permissions import Right
from app.domain.stacks import OnExpiry, StackStatus
from app.errors import (
    ConflictError,
    ImmutableParameterError,
    NameTakenError,
    PreconditionFailedError,
    ValidationError,
)
from app.models import CloudAccount, Operation, Project, Stack
from app.services import audit, references
from app.services.access import Principal
from app.services.context import Context
from app.services.labels import check_labels
from app.services.lookup import cloud_account_by, project_by, stack_by_id
from app.services.operation_queue import add_operation, unfinished_destroy
from app.services.regions import choose_region
from app.services.schedules import DriftSettings, change_schedule, make_schedule, rhythm_of
from app.services.secrets import open_parameters, seal_parameters


@dataclass(frozen=True)
class NewStack:
    """What a client asks for; without ``auto_apply`` the project's rule holds.

    With ``is_plan_first`` the first plan waits for approval, whatever that rule says.
    """

    kind: str
    name: str
    project: str
    cloud_account: str
    region: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    auto_apply: AutoApply | None = None
    drift: DriftSettings = field(default_factory=DriftSettings)
    expires_at: datetime | None = None
    on_expiry: OnExpiry = OnExpiry.DESTROY
    deletion_protection: bool = False
    is_plan_first: bool = False


@dataclass(frozen=True)
class StackChange:
    """What a client wants otherwise; ``None`` leaves a thing as it is.

    ``parameters`` are merged into the present ones (RFC 7396 for the top level): a parameter that
    is ``None`` there goes back to its default.
    """

    parameters: dict[str, Any] | None = None
    labels: dict[str, str] | None = None
    auto_apply: AutoApply | None = None
    drift: DriftSettings | None = None
    expires_at: datetime | None = None
    clear_expiry: bool = False
    on_expiry: OnExpiry | None = None
    deletion_protection: bool | None = None


def create_stack(
    ctx: Context, session: Session, principal: Principal, wanted: NewStack
) -> tuple[Stack, Operation]:
    """Accept a new stack and queue its apply.

    Raises:
        NotFoundError: the kind is unknown.
        ValidationError: a value is not acceptable; each with its pointer.
        NameTakenError: a living stack of the project has the name.
        ReferenceNotReadyError: a referenced stack is not made and nothing makes it.
    """
    blueprint = ctx.catalog.kind(wanted.kind)
    project = project_by(session, principal, wanted.project, Right.STACK_WRITE)
    if not is_name(wanted.name):
        raise ValidationError.at("/name", f"A name has {NAME_RULE}.")
    check_labels(wanted.labels)
    _refuse_taken_name(session, project, wanted.name)
    account = cloud_account_by(session, wanted.cloud_account)
    if account.cloud not in blueprint.clouds:
        offered = ", ".join(sorted(blueprint.clouds))
        raise ValidationError.at(
            "/cloud_account",
            f"The kind {blueprint.kind!r} is not offered on {account.cloud!r}; it is on {offered}.",
        )
    region = choose_region(ctx.catalog.cloud(account.cloud), account, wanted.region)
    parameters = blueprint.generate(blueprint.validate(wanted.parameters))
    stack = _draft_stack(blueprint, project, account, region, wanted)
    stack.created_by = principal.name
    stack.state_backend = ctx.settings.state_backend
    resolved = references.resolve(
        ctx.catalog, session, principal, blueprint, project.id, parameters
    )
    references.check_placement(resolved, stack)
    references.attach(stack, resolved)
    set_parameters(ctx, stack, blueprint, references.with_ids(parameters, resolved))
    _check_offered(ctx, stack, blueprint, parameters)
    stack.schedule = make_schedule(stack.id, wanted.drift, rhythm_of(ctx.settings, project))
    session.add(stack)
    name_taken = _name_taken(project, wanted.name)  # a failed flush leaves nothing to read
    try:
        session.flush()
    except IntegrityError as error:
        raise name_taken from error
    operation = add_operation(
        session,
        stack,
        OperationType.APPLY,
        principal,
        requires_approval=wanted.is_plan_first,
    )
    audit_stack(session, principal, "stack.create", stack, operation_id=operation.id)
    return stack, operation


def change_stack(
    ctx: Context,
    session: Session,
    principal: Principal,
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
    """
    stack = stack_by_id(session, principal, stack_id, Right.STACK_WRITE, kind=kind)
    expect_version(stack, expected_version)
    refuse_deleted(session, stack)
    check_labels(change.labels or {})
    changed = _change_settings(ctx, stack, change)
    operation = None
    if change.parameters is not None and _change_parameters(
        ctx, session, principal, stack, change.parameters
    ):
        changed.append("parameters")
        stack.generation += 1
        operation = add_operation(session, stack, OperationType.APPLY, principal)
    if changed:
        touch(stack)
        audit_stack(session, principal, "stack.change", stack, changed=changed)
    session.flush()
    return stack, operation


def touch(stack: Stack) -> None:
    """Mark the stack as changed, so that its ETag changes."""
    stack.version += 1
    stack.updated_at = utc_now()


def _draft_stack(
    blueprint: KindBlueprint, project: Project, account: CloudAccount, region: str, wanted: NewStack
) -> Stack:
    now = utc_now()
    return Stack(
        id=ids.new_id(ids.STACK),
        project=project,
        project_id=project.id,
        name=wanted.name,
        kind=blueprint.kind,
        blueprint_version=blueprint.version,
        cloud_account=account,
        cloud_account_id=account.id,
        cloud=account.cloud,
        region=region,
        labels=dict(wanted.labels),
        auto_apply=(wanted.auto_apply or AutoApply(project.auto_apply)).value,
        deletion_protection=wanted.deletion_protection,
        expires_at=wanted.expires_at,
        on_expiry=wanted.on_expiry.value,
        status=StackStatus.CREATING.value,
        generation=1,
        applied_generation=0,
        drift_status="not_checked",
        version=1,
        created_at=now,
        updated_at=now,
        references=[],
        outputs=[],
    )


def _refuse_taken_name(session: Session, project: Project, name: str) -> None:
    taken = select(Stack.id).where(
        Stack.project_id == project.id, Stack.name == name, Stack.deleted_at.is_(None)
    )
    if session.scalar(taken) is not None:
        raise _name_taken(project, name)


def _name_taken(project: Project, name: str) -> NameTakenError:
    return NameTakenError.at("/name", f"Project {project.name!r} has a stack named {name!r}.")


def set_parameters(
    ctx: Context, stack: Stack, blueprint: KindBlueprint, parameters: dict[str, Any]
) -> None:
    """Keep validated parameters; sensitive ones sealed only."""
    public, secret = blueprint.split_sensitive(parameters)
    stack.parameters = public
    seal_parameters(ctx.keys, stack, secret)


def _check_offered(
    ctx: Context, stack: Stack, blueprint: KindBlueprint, parameters: dict[str, Any]
) -> None:
    """Have the cloud refuse what it does not offer now, not minutes later in a worker."""
    blueprint.check_offered(ctx.catalog.cloud(stack.cloud), parameters)


def _change_settings(ctx: Context, stack: Stack, change: StackChange) -> list[str]:
    changed = []
    if change.labels is not None and change.labels != stack.labels:
        stack.labels = dict(change.labels)
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
    says_expiry = change.clear_expiry or change.expires_at is not None
    if says_expiry and change.expires_at != stack.expires_at:
        stack.expires_at = change.expires_at
        changed.append("expires_at")
    if change.on_expiry not in (None, stack.on_expiry):
        stack.on_expiry = str(change.on_expiry)
        changed.append("on_expiry")
    return changed


def _change_parameters(
    ctx: Context, session: Session, principal: Principal, stack: Stack, patch: dict[str, Any]
) -> bool:
    blueprint = ctx.catalog.blueprint(stack.kind, stack.blueprint_version)
    old = blueprint.merge_sensitive(stack.parameters, open_parameters(ctx.keys, stack))
    merged = {name: value for name, value in {**old, **patch}.items() if not _is_reset(name, patch)}
    new = blueprint.generate(blueprint.validate(merged))
    resolved = references.resolve(ctx.catalog, session, principal, blueprint, stack.project_id, new)
    references.check_placement(resolved, stack)
    new = references.with_ids(new, resolved)
    refuse_replacement(stack, blueprint.immutable_changes(old, new))
    _check_offered(ctx, stack, blueprint, new)
    if new == old:
        return False
    references.attach(stack, resolved)
    set_parameters(ctx, stack, blueprint, new)
    return True


def _is_reset(name: str, patch: dict[str, Any]) -> bool:
    return name in patch and patch[name] is None


def expect_version(stack: Stack, expected: int | None) -> None:
    """Refuse to work on a stack that was changed since the caller read it.

    Raises:
        PreconditionFailedError: it is not at the version ``expected``.
    """
    if expected is not None and expected != stack.version:
        raise PreconditionFailedError(f"Stack {stack.name!r} was changed since you read it.")


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


def audit_stack(
    session: Session, principal: Principal, action: str, stack: Stack, **detail: Any
) -> None:
    """Record what a principal did with a stack."""
    audit.record(
        session,
        principal,
        action,
        "stack",
        stack.id,
        project_id=stack.project_id,
        name=stack.name,
        kind=stack.kind,
        **detail,
    )
