"""The parameters of a stack as pages show them: by their titles, sensitive ones masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.catalog.catalog import KindBlueprint
from app.models import Stack
from app.services.context import Context
from app.services.secrets import open_parameters


@dataclass(frozen=True)
class Value:
    """A parameter or an output; a sensitive one is masked already.

    ``is_missing`` says that an output tells of a resource that is gone from the cloud.
    """

    name: str
    title: str
    value: Any
    unit: str
    is_sensitive: bool
    description: str
    stack_id: str | None = None
    is_missing: bool = False


def masked_parameters(ctx: Context, stack: Stack) -> list[Value]:
    """Return the parameters of a stack, sensitive ones masked."""
    blueprint = ctx.catalog.find(stack.kind, stack.blueprint_version)
    if blueprint is None:  # its blueprint left the catalog; secrets are kept apart
        return [_parameter(name, {}, value, stack) for name, value in stack.parameters.items()]
    masked = _masked(ctx, blueprint, stack)
    schemas = blueprint.parameters["properties"]
    return [_parameter(name, schemas[name], masked.get(name), stack) for name in schemas]


def _masked(ctx: Context, blueprint: KindBlueprint, stack: Stack) -> dict[str, Any]:
    secret = open_parameters(ctx.keys, stack)
    return blueprint.mask(blueprint.merge_sensitive(stack.parameters, secret))


def _parameter(name: str, schema: dict[str, Any], value: Any, stack: Stack) -> Value:
    targets = {link.parameter: link.target for link in stack.references}
    target = targets.get(name)
    if isinstance(value, list):
        value = [
            targets[place].name if (place := f"{name}/{n}") in targets else item
            for n, item in enumerate(value)
        ]
    return Value(
        name=name,
        title=schema.get("title", name),
        value=target.name if target else value,
        unit=schema.get("x-unit", ""),
        is_sensitive=bool(schema.get("writeOnly")) and value is not None,
        description=schema.get("description", ""),
        stack_id=target.id if target else None,
    )
