"""What a cloud needs of a stack that is referred to, checked before anything is made.

A database on AWS needs a network in two zones. The blueprint says so (``requires``); this refuses
both ways to break it: to refer to a stack that does not meet it, and to change a stack so that
those which refer to it would no longer work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.catalog.json_schema import find_faults
from app.errors import FieldProblem, ValidationError
from app.models import Stack


def check_needs(
    catalog: Catalog, stack: Stack, blueprint: KindBlueprint, resolved: Mapping[str, Stack]
) -> None:
    """Refuse a reference to a stack that lacks what the cloud of ``stack`` needs of it.

    Args:
        catalog: knows the defaults of the parameters of the stacks that are referred to.
        stack: the one that refers.
        blueprint: its blueprint, of the version that is asked for.
        resolved: the stacks that it refers to, by ``parameter`` or ``parameter/index``.

    Raises:
        ValidationError: names each parameter whose stack does not do.
    """
    problems = []
    for place, target in resolved.items():
        parameters = _complete(catalog, target)
        unmet = _unmet(blueprint, place, stack.cloud, target.kind, parameters)
        if unmet is not None:
            message = f"{target.kind} {target.name!r} {unmet}"
            problems.append(FieldProblem(f"/parameters/{place}", message))
    _raise(problems)


def check_needs_of_users(catalog: Catalog, stack: Stack, parameters: Mapping[str, Any]) -> None:
    """Refuse new parameters of ``stack`` that a stack which refers to it could not live with.

    Args:
        catalog: has the blueprints of the stacks that refer to this one.
        stack: the one that is about to change.
        parameters: all of its parameters as they would be.

    Raises:
        ValidationError: names the parameter, and each stack that stands on it.
    """
    problems = []
    for link in stack.referenced_by:
        user = link.stack
        blueprint = catalog.find(user.kind, user.blueprint_version)
        if user.deleted_at is not None or blueprint is None:
            continue
        for name, value in parameters.items():
            unmet = _unmet(blueprint, link.parameter, user.cloud, stack.kind, {name: value})
            if unmet is not None:
                message = f"{user.kind} {user.name!r} uses this {stack.kind}, which {unmet}"
                problems.append(FieldProblem(f"/parameters/{name}", message))
    _raise(problems)


def _unmet(
    blueprint: KindBlueprint, place: str, cloud: str, kind: str, parameters: Mapping[str, Any]
) -> str | None:
    """Return the message of the first requirement that ``parameters`` do not meet."""
    spec = blueprint.references.get(place.partition("/")[0])
    for item in spec.requires if spec is not None else ():
        if (item.cloud, item.kind) == (cloud, kind) and find_faults(item.schema, dict(parameters)):
            return item.message
    return None


def _complete(catalog: Catalog, stack: Stack) -> dict[str, Any]:
    blueprint = catalog.find(stack.kind, stack.blueprint_version)
    return blueprint.schema.complete(stack.parameters) if blueprint else dict(stack.parameters)


def _raise(problems: list[FieldProblem]) -> None:
    if problems:
        raise ValidationError(problems[0].message, problems=tuple(problems))
