"""Ask for a new stack: what it is checked for, its row, and its first apply.

Works inside the caller's transaction; Terraform runs later, in a worker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value

from app.catalog.catalog import KindBlueprint
from app.clock import utc_now
from app.domain import ids
from app.domain.mistakes import Mistakes
from app.domain.names import NAME_RULE, is_name
from app.domain.operations import AutoApply, OperationType
from app.domain.permissions import Right
from app.domain.stacks import OnExpiry, StackStatus
from app.errors import (
    FieldProblem,
    NameTakenError,
    ValidationError,
)
from app.models import CloudAccount, Operation, Project, Stack
from app.services.cloud_accounts.grants import account_for
from app.services.cloud_accounts.regions import choose_region
from app.services.labels import check_labels
from app.services.lookup import project_by
from app.services.policies.asking import ask_at_request, keep_request_results
from app.services.queue.order import add_operation
from app.services.schedules.settings import DriftSettings, make_schedule, rhythm_of
from app.services.stacks import references
from app.services.stacks.editing import audit_stack, check_offered, end_of_life, set_parameters
from app.services.stacks.reference_needs import check_needs
from app.services.work import Work


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
    lives_for: timedelta | None = None
    on_expiry: OnExpiry = OnExpiry.DESTROY
    deletion_protection: bool = False
    is_plan_first: bool = False


class StackPlace(NamedTuple):
    """Where a new stack lives."""

    project: Project
    account: CloudAccount
    region: str


def create_stack(work: Work, wanted: NewStack) -> tuple[Stack, Operation]:
    """Accept a new stack and queue its apply; all that is wrong with it is told at once.

    Raises:
        NotFoundError: the kind is unknown.
        ValidationError: a value is not acceptable; each with its pointer.
        NameTakenError: a living stack of the project has the name.
        ReferenceNotReadyError: a referenced stack is not made and nothing makes it.
        PolicyDeniedError: a policy forbids it.
    """
    blueprint = work.ctx.catalog.kind(wanted.kind)
    project = project_by(work.session, work.principal, wanted.project, Right.STACK_WRITE)
    mistakes = Mistakes()
    place, parameters = _check(work, blueprint, project, wanted, mistakes)
    if place is None or parameters is None:
        raise mistakes.error()
    stack = _draft_stack(blueprint, place, wanted)
    stack.created_by = work.principal.name
    stack.state_backend = work.ctx.settings.state_backend
    resolved = mistakes.note(lambda: references.resolve(work, blueprint, project.id, parameters))
    if resolved is None:
        raise mistakes.error()
    mistakes.note(lambda: references.check_placement(resolved, stack))
    mistakes.note(lambda: check_needs(work.ctx.catalog, stack, blueprint, resolved))
    mistakes.refuse()
    references.attach(stack, resolved)
    set_parameters(work.ctx, stack, blueprint, references.with_ids(parameters, resolved))
    check_offered(work.ctx, stack, blueprint, parameters)
    stack.schedule = make_schedule(stack.id, wanted.drift, rhythm_of(work.ctx.settings, project))
    results = ask_at_request(work, stack, OperationType.APPLY)
    work.session.add(stack)
    name_taken = _name_taken(project, wanted.name)  # a failed flush leaves nothing to read
    try:  # the stack is written with its operation
        operation = add_operation(
            work.session,
            stack,
            OperationType.APPLY,
            work.principal,
            requires_approval=wanted.is_plan_first,
            is_first=True,
        )
    except IntegrityError as error:
        raise name_taken from error
    keep_request_results(operation, results)
    set_committed_value(stack, "referenced_by", [])  # nobody could know of it: SQL is not asked
    audit_stack(work, "stack.create", stack, operation_id=operation.id)
    return stack, operation


def find_mistakes(work: Work, wanted: NewStack) -> tuple[FieldProblem, ...]:
    """Return what is wrong with a request for a new stack, parts of which may be missing.

    Raises:
        NotFoundError, PermissionDeniedError: as ``create_stack``.
    """
    blueprint, mistakes = work.ctx.catalog.kind(wanted.kind), Mistakes()
    project = mistakes.note(
        lambda: project_by(work.session, work.principal, wanted.project, Right.STACK_WRITE)
    )
    _check(work, blueprint, project, wanted, mistakes)
    return mistakes.problems


def _check(
    work: Work,
    blueprint: KindBlueprint,
    project: Project | None,
    wanted: NewStack,
    mistakes: Mistakes,
) -> tuple[StackPlace | None, dict[str, Any] | None]:
    """Check what can be checked of each part by itself.

    Returns:
        Where the stack lives, and its parameters; nothing in the place of what is wrong.
    """
    mistakes.note(lambda: _check_name(wanted.name))
    mistakes.note(lambda: check_labels(wanted.labels))
    mistakes.note(lambda: end_of_life(wanted.expires_at, wanted.lives_for, None))
    parameters = mistakes.note(lambda: blueprint.validate(wanted.parameters))
    place = (
        None
        if project is None
        else mistakes.note(lambda: _find_place(work, blueprint, project, wanted))
    )
    has_mistakes = bool(mistakes.problems)
    if parameters is None or has_mistakes:
        return None, None
    return place, blueprint.generate(parameters)


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ValidationError.at("/name", f"A name has {NAME_RULE}.")


def _find_place(
    work: Work, blueprint: KindBlueprint, project: Project, wanted: NewStack
) -> StackPlace:
    account = account_for(work.session, work.principal, project, wanted.cloud_account)
    if account.cloud not in blueprint.clouds:
        offered = ", ".join(sorted(blueprint.clouds))
        raise ValidationError.at(
            "/cloud_account",
            f"The kind {blueprint.kind!r} is not offered on {account.cloud!r}; it is on {offered}.",
        )
    region = choose_region(work.ctx.catalog.cloud(account.cloud), account, wanted.region)
    return StackPlace(project, account, region)


def _draft_stack(blueprint: KindBlueprint, place: StackPlace, wanted: NewStack) -> Stack:
    now = utc_now()
    project, account = place.project, place.account
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
        region=place.region,
        labels=dict(wanted.labels),
        auto_apply=(wanted.auto_apply or AutoApply(project.auto_apply)).value,
        deletion_protection=wanted.deletion_protection,
        expires_at=end_of_life(wanted.expires_at, wanted.lives_for, None),
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


def _name_taken(project: Project, name: str) -> NameTakenError:
    return NameTakenError.at("/name", f"Project {project.name!r} has a stack named {name!r}.")
