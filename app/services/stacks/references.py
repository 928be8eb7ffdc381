"""Stacks that take outputs of other stacks: find them, check them, keep the links."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog, KindBlueprint
from app.clock import utc_now
from app.crypto import KeyRing
from app.domain.plain_words import in_words
from app.domain.stacks import StackStatus
from app.errors import (
    FieldProblem,
    ReferenceNotReadyError,
    StackReferencedError,
    ValidationError,
)
from app.models import Stack, StackReference
from app.services.lookup import stack_by_reference
from app.services.queue.order import unfinished_destroy
from app.services.queue.reference_waits import is_being_made
from app.services.secrets import output_value
from app.services.work import Work

USABLE = frozenset({StackStatus.READY, StackStatus.UPDATING, StackStatus.FAILED})


def resolve(
    work: Work, blueprint: KindBlueprint, project_id: str, parameters: Mapping[str, Any]
) -> dict[str, Stack]:
    """Return the referenced stack of each reference parameter that has a value.

    The entries of a list are named ``parameter/index``. A stack that is being made is fine: the
    work that needs its outputs waits for it.

    Raises:
        ValidationError: a stack is missing, in another project, or of another kind.
        ReferenceNotReadyError: it was not made and nothing makes it, or it is going away.
    """
    resolved: dict[str, Stack] = {}
    for parameter, spec in blueprint.references.items():
        kinds = work.ctx.catalog.kinds_in_place_of(spec.kind)
        wanted = parameters.get(parameter)
        if isinstance(wanted, list):
            for index, reference in enumerate(wanted):
                place = f"{parameter}/{index}"
                found = _resolve_one(work, kinds, project_id, reference, place)
                _refuse_double(resolved, parameter, found, place)
                resolved[place] = found
        elif wanted is not None:
            resolved[parameter] = _resolve_one(work, kinds, project_id, wanted, parameter)
    return resolved


def check_placement(resolved: Mapping[str, Stack], stack: Stack) -> None:
    """Refuse a reference across cloud accounts or regions: providers cannot join them.

    Raises:
        ValidationError: names the parameter and both places.
    """
    problems = []
    for parameter, target in resolved.items():
        here, there = (
            (stack.cloud_account_id, stack.region),
            (
                target.cloud_account_id,
                target.region,
            ),
        )
        if here != there:
            message = (
                f"{target.kind} {target.name!r} is in {target.cloud_account.name}/{target.region}; "
                f"this stack is in {stack.cloud_account.name}/{stack.region}. Use the same place."
            )
            problems.append(FieldProblem(f"/parameters/{parameter}", message))
    if problems:
        raise ValidationError(problems[0].message, problems=tuple(problems))


def attach(stack: Stack, resolved: Mapping[str, Stack]) -> None:
    """Keep the links of ``stack`` as they are now."""
    wanted = {parameter: target.id for parameter, target in resolved.items()}
    for link in list(stack.references):
        if wanted.get(link.parameter) == link.target_id:
            wanted.pop(link.parameter)
        else:
            stack.references.remove(link)
    for parameter, target_id in wanted.items():
        stack.references.append(
            StackReference(stack_id=stack.id, parameter=parameter, target_id=target_id)
        )


def with_ids(parameters: dict[str, Any], resolved: Mapping[str, Stack]) -> dict[str, Any]:
    """Return the parameters with each referenced name replaced by the stack's id."""
    replaced = dict(parameters)
    for place, stack in resolved.items():
        parameter, _, index = place.partition("/")
        if index:
            replaced[parameter] = [*replaced[parameter]]
            replaced[parameter][int(index)] = stack.id
        else:
            replaced[parameter] = stack.id
    return replaced


def targets_of(stack: Stack) -> dict[str, Stack]:
    """Return the stacks that ``stack`` refers to, by parameter."""
    return {link.parameter: link.target for link in stack.references}


def outputs_of(
    keys: KeyRing, targets: Mapping[str, Stack], *, may_be_troubled: bool = False
) -> dict[str, dict[str, Any]]:
    """Return the outputs of every referenced stack, by parameter and output name.

    Args:
        keys: open what is sensitive.
        targets: the stacks that are referred to, by parameter.
        may_be_troubled: whether the last outputs will do also while the stack referred to is in
            trouble, as they do for work that builds nothing on them.

    Raises:
        ReferenceNotReadyError: a referenced stack is gone or was never applied.
    """
    found = {}
    for parameter, target in targets.items():
        if not (may_be_troubled and target.applied_generation > 0):
            _require_ready(target, f"/parameters/{parameter}")
        found[parameter] = {output.name: output_value(keys, output) for output in target.outputs}
    return found


def living_users(stack: Stack) -> list[Stack]:
    """Return the stacks that take outputs of ``stack`` and are not deleted."""
    return [link.stack for link in stack.referenced_by if link.stack.deleted_at is None]


def with_all_users(stack: Stack) -> list[Stack]:
    """Return the stack and every living stack that uses it, directly or not, each once."""
    found = {stack.id: stack}
    waiting = [stack]
    while waiting:
        for user in living_users(waiting.pop()):
            if user.id not in found:
                found[user.id] = user
                waiting.append(user)
    return list(found.values())


def related(stack: Stack, limit: int) -> list[Stack]:
    """Return the stack, all it uses and all that uses it, directly or not; at most ``limit``.

    What uses the same network without using this stack is not among them.
    """
    found = {stack.id: stack}
    for step in (lambda item: [link.target for link in item.references], living_users):
        waiting = [stack]
        while waiting and len(found) < limit:
            for other in step(waiting.pop(0)):
                if other.id not in found and len(found) < limit:
                    found[other.id] = other
                    waiting.append(other)
    return list(found.values())


def refuse_used(stack: Stack) -> None:
    """Raise unless nothing uses the stack any more.

    Raises:
        StackReferencedError: living stacks take outputs of it.
    """
    users = living_users(stack)
    if users:
        names = ", ".join(f"{user.kind} {user.name!r}" for user in users)
        raise StackReferencedError(
            f"Stack {stack.name!r} is used by {names}.",
            context={"stacks": [{"id": user.id, "name": user.name} for user in users]},
        )


def mark_stale(stack: Stack, changed: Collection[str], catalog: Catalog) -> None:
    """Mark pending changes on the stacks that take one of the ``changed`` outputs of ``stack``.

    They are not applied by themselves: whoever changed one stack need not want the others
    changed, and their owners choose the time.
    """
    for link in stack.referenced_by:
        user = link.stack
        if user.deleted_at is not None or user.applied_generation == 0:
            continue
        blueprint = catalog.find(user.kind, user.blueprint_version)
        spec = blueprint.references.get(link.parameter.partition("/")[0]) if blueprint else None
        if spec is None or set(spec.outputs) & set(changed):
            user.generation += 1
            user.version += 1
            user.updated_at = utc_now()


def _resolve_one(
    work: Work, kinds: Sequence[str], project_id: str, wanted: Any, place: str
) -> Stack:
    pointer = f"/parameters/{place}"
    stack = stack_by_reference(work.session, work.principal, project_id, str(wanted))
    if stack is None:
        raise ValidationError.at(
            pointer, f"There is no {kinds[0]} {wanted!r} in this project; create it first."
        )
    if stack.kind not in kinds:
        needed = " or ".join(kinds)
        raise ValidationError.at(
            pointer, f"Stack {stack.name!r} is a {stack.kind}; a {needed} is needed here."
        )
    if not is_being_made(work.session, stack):
        _require_ready(stack, pointer)
    _refuse_leaving(work.session, stack, pointer)
    return stack


def _refuse_double(resolved: Mapping[str, Stack], parameter: str, stack: Stack, place: str) -> None:
    """Refuse one stack twice in a list, also by its id and its name."""
    for other, known in resolved.items():
        if known.id == stack.id and other.partition("/")[0] == parameter:
            message = f"Is the same stack as /parameters/{other}."
            raise ValidationError.at(f"/parameters/{place}", message)


def _require_ready(stack: Stack, pointer: str) -> None:
    if stack.status in USABLE and stack.applied_generation > 0:
        return
    stands = in_words(stack.status)
    message = f"{stack.kind} {stack.name!r} is {stands}, so its outputs cannot be used."
    raise ReferenceNotReadyError(
        message,
        advice=f"See what became of {stack.name!r} and fix it, then ask again.",
        problems=(FieldProblem(pointer, message),),
    )


def _refuse_leaving(session: Session, stack: Stack, pointer: str) -> None:
    """Refuse a new link to a stack whose destroy is queued: it would lose what it stands on."""
    if unfinished_destroy(session, stack) is not None:
        message = f"{stack.kind} {stack.name!r} is going to be destroyed."
        raise ReferenceNotReadyError(
            message,
            advice="Refer to another stack, or cancel the destroy first.",
            problems=(FieldProblem(pointer, message),),
        )
