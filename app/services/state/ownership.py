"""Whose resources a state or an import names: nothing of another stack is taken in.

Asks what other stacks hold, then the cloud, so it is called outside of transactions. The engine
looks once more at each plan (``app.services.engine.ownership_check``), where Terraform has read the
resources themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.catalog.catalog import Cloud
from app.clouds.named import NamedResource
from app.clouds.owners import find_owners
from app.domain.plan_options import Import
from app.domain.refusal_budget import RefusalKind
from app.domain.resource_keys import identity_texts
from app.domain.state_checks import check_declared_address
from app.domain.state_file import StateFile
from app.errors import ConflictError, FieldProblem, ValidationError
from app.models import Stack
from app.services.access import Principal
from app.services.cloud_accounts.credentials import sign_in
from app.services.context import Context
from app.services.refusals import record_refusal
from app.services.state.held_resources import Identity, find_held, keep_missing_keys

MAX_PROBLEMS = 20
MAX_PLACES = 5
MAX_REASON = 300
FOREIGN = "Belongs to another stack."
UNPROVEN = "Neither did the operation name it, nor does it carry the tag of this stack."


class ForeignResourceError(ConflictError):
    """A plan is about resources of another stack; nothing was changed."""

    code = "foreign_resource"
    title = "The plan is about resources of another stack"
    advice = (
        "Roll back to a state version without them; the stack that holds them, or that their tag "
        "landform:stack names, looks after them."
    )


@dataclass(frozen=True)
class OwnershipClaim:
    """A resource that somebody names, where in the request, and under which address."""

    pointer: str
    resource: NamedResource
    address: str


def refuse_foreign(ctx: Context, stack_id: str, claims: Sequence[OwnershipClaim]) -> list[bool]:
    """Refuse resources that another stack of any project holds, or whose tag they carry.

    Args:
        ctx: the adapters.
        stack_id: the stack that is to have them.
        claims: what is named.

    Returns:
        For each of them whether it carries the tag of the stack itself.

    Raises:
        ValidationError: has the pointer of each that belongs to another stack, without saying
            which; or the cloud of the stack cannot be asked at all.
        CloudSearchError: the cloud did not answer.
    """
    if not claims:
        return []
    while keep_missing_keys(ctx):
        pass
    with ctx.read() as session:
        stack = session.get_one(Stack, stack_id)
        refuse_held(session, stack, claims)
        name, region = stack.cloud, ctx.catalog.cloud(stack.cloud).region(stack.region)
        login = sign_in(ctx, stack.cloud_account)
    resources = [claim.resource for claim in claims]
    owners = find_owners(name, login, region.provider_name, resources)
    if owners is None:
        message = f"Landform cannot ask the cloud {name} whose resources these are."
        raise ValidationError.at("", message)
    _refuse(claims, [bool(found - {stack_id}) for found in owners])
    return [stack_id in found for found in owners]


def refuse_held(session: Session, stack: Stack, claims: Sequence[OwnershipClaim]) -> None:
    """Refuse resources that are in the newest state of another living stack, tagged or not.

    Raises:
        ValidationError: has the pointer of each, without saying whose it is.
    """
    named = [
        Identity(claim.resource.type, identity_texts(claim.resource.attributes)) for claim in claims
    ]
    _refuse(claims, find_held(session, stack, named))


def _refuse(claims: Sequence[OwnershipClaim], is_foreign: Sequence[bool]) -> None:
    problems = tuple(
        FieldProblem(claim.pointer, FOREIGN)
        for claim, is_bad in zip(claims, is_foreign, strict=True)
        if is_bad
    )
    if problems:
        raise ValidationError(
            f"{problems[0].pointer}: {FOREIGN}",
            problems=problems[:MAX_PROBLEMS],
            advice="Name only what is this stack's, or nobody's: its stack must give up the rest, "
            "and the tag landform:stack be taken off it in the cloud.",
        )


@contextmanager
def recording_refusals(
    ctx: Context, principal: Principal, stack: Stack, action: str
) -> Iterator[None]:
    """Leave an audit event of what is refused within, as long as there are not too many.

    Args:
        ctx: the adapters; no transaction may be open.
        principal: who asks.
        stack: the one that was to have the resources.
        action: of the event.
    """
    try:
        yield
    except ValidationError as error:
        record_refusal(
            ctx,
            RefusalKind.FOREIGN,
            principal,
            action,
            "stack",
            stack.id,
            project_id=stack.project_id,
            reason=error.detail[:MAX_REASON],
            places=[problem.pointer for problem in error.problems[:MAX_PLACES]],
        )
        raise


def claims_of_state(state: StateFile, cloud: Cloud) -> list[OwnershipClaim]:
    """Return every managed resource that a state names."""
    return [
        OwnershipClaim(
            f"/resources/{index}/instances/{place}",
            NamedResource(
                resource.type,
                {**instance.attributes, "identity": instance.identity},
                resource.type in cloud.tags.untaggable,
            ),
            resource.instance_address(instance),
        )
        for index, resource in enumerate(state.resources)
        if resource.mode == "managed"
        for place, instance in enumerate(resource.instances)
    ]


def claims_of_imports(imports: Sequence[Import], cloud: Cloud) -> list[OwnershipClaim]:
    """Return every resource that is to be taken in by its id."""
    claims = []
    for index, item in enumerate(imports):
        type_ = item.to.partition(".")[0]
        resource = NamedResource(type_, {"id": item.id}, type_ in cloud.tags.untaggable)
        claims.append(OwnershipClaim(f"/imports/{index}/id", resource, item.to))
    return claims


def refuse_foreign_imports(
    ctx: Context,
    stack_id: str,
    imports: Sequence[Import],
    named_by_operation: Sequence[str] = (),
) -> None:
    """Refuse imports of what the stack does not declare, or has no claim to.

    Args:
        ctx: the adapters.
        stack_id: the stack that is to have them.
        imports: address and id of each.
        named_by_operation: ids that an interrupted operation of the stack itself may have left.

    Raises:
        ValidationError: has a pointer to each bad one below ``/imports``.
        CloudSearchError: the cloud did not answer.
    """
    with ctx.read() as session:
        problems = _undeclared(ctx, session, stack_id, imports)
        stack = session.get_one(Stack, stack_id)
        cloud = ctx.catalog.cloud(stack.cloud)
    if problems:
        raise ValidationError(
            f"{problems[0].pointer}: {problems[0].message}", problems=tuple(problems)
        )
    claims = claims_of_imports(imports, cloud)
    is_own = refuse_foreign(ctx, stack_id, claims)
    unproven = tuple(
        FieldProblem(claim.pointer, UNPROVEN)
        for claim, own in zip(claims, is_own, strict=True)
        if not own and claim.resource.id not in named_by_operation
    )
    if unproven:
        raise ValidationError(f"{unproven[0].pointer}: {UNPROVEN}", problems=unproven)


def _undeclared(
    ctx: Context, session: Session, stack_id: str, imports: Sequence[Import]
) -> list[FieldProblem]:
    stack = session.get_one(Stack, stack_id)
    declared = ctx.catalog.declared_types(stack.kind, stack.cloud)
    found = [
        (index, check_declared_address(item.to, declared)) for index, item in enumerate(imports)
    ]
    return [FieldProblem(f"/imports/{index}/address", text) for index, text in found if text]
