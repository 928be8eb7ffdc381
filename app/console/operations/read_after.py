"""Where an operation leads once it has ended: outputs, and what can be built on its stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for

from app.catalog.catalog import Catalog
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.models import Operation, Stack
from app.services.access import Principal

MAX_USES = 8
WELL = (OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED)


@dataclass(frozen=True)
class Output:
    """An output of the stack; ``value`` is ``None`` for a sensitive one."""

    name: str
    value: Any
    is_sensitive: bool
    description: str


@dataclass(frozen=True)
class Use:
    """A kind that can refer to the stack, and the form that has it filled in."""

    title: str
    href: str


@dataclass(frozen=True)
class AfterOperation:
    """What follows an operation that went well."""

    title: str
    is_check: bool
    is_gone: bool
    outputs: tuple[Output, ...]
    uses: tuple[Use, ...]


def read_after(
    catalog: Catalog, principal: Principal, operation: Operation
) -> AfterOperation | None:
    """Return where an operation leads, or ``None`` when it has not ended well."""
    if operation.status not in WELL:
        return None
    facts, stack = facts_of(operation.type), operation.stack
    has_built = facts.builds and operation.status == OperationStatus.APPLIED
    is_gone = stack.status == StackStatus.DELETED
    may_use = has_built and principal.has(Right.STACK_WRITE, stack.project_id)
    return AfterOperation(
        title="Outputs" if has_built and stack.outputs else "What next",
        is_check=facts.checks_drift,
        is_gone=is_gone,
        outputs=_outputs(catalog, stack) if has_built else (),
        uses=_uses(catalog, stack) if may_use and not is_gone else (),
    )


def _outputs(catalog: Catalog, stack: Stack) -> tuple[Output, ...]:
    blueprint = catalog.find(stack.kind, stack.blueprint_version)
    specs = blueprint.outputs if blueprint else {}
    return tuple(
        Output(
            item.name,
            None if item.is_sensitive else item.value,
            item.is_sensitive,
            specs[item.name].description if item.name in specs else "",
        )
        for item in stack.outputs
    )


def _uses(catalog: Catalog, stack: Stack) -> tuple[Use, ...]:
    """Return the kinds with a parameter that may name the stack, by title."""
    found = []
    for blueprint in catalog.kinds.values():
        name = _parameter_for(catalog, stack.kind, blueprint.parameters)
        if name is not None and stack.cloud in blueprint.clouds:
            fields: dict[str, Any] = {
                "/project": stack.project.name,
                "/cloud_account": stack.cloud_account.name,
                f"/parameters/{name}": stack.name,
            }
            href = url_for("console.show_form", kind=blueprint.kind, **fields)
            found.append(Use(blueprint.title, href))
    return tuple(sorted(found, key=lambda use: use.title)[:MAX_USES])


def _parameter_for(catalog: Catalog, kind: str, schema: dict[str, Any]) -> str | None:
    for name, child in schema.get("properties", {}).items():
        reference = child.get("x-references")
        if reference and kind in catalog.kinds_in_place_of(reference["kind"]):
            return str(name)
    return None
