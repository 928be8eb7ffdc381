"""What the catalog pages show of kinds, their parameters and outputs, and of clouds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.catalog.catalog import Cloud, KindBlueprint, OutputSpec
from app.domain.permissions import Right
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.stacks.queries import count_stacks


@dataclass(frozen=True)
class KindCard:
    """A kind in short; ``stacks`` counts those in use that the caller can see."""

    kind: str
    title: str
    description: str
    version: str
    clouds: list[str]
    stacks: int


@dataclass(frozen=True)
class CatalogPage:
    """All kinds and all clouds."""

    kinds: list[KindCard]
    clouds: list[Cloud]
    may_create: bool


@dataclass(frozen=True)
class ParameterDetail:
    """One parameter; ``facts`` are its limits in words, ``path`` its place in the body."""

    path: str
    title: str
    type: str
    description: str
    default: Any
    has_default: bool
    facts: list[str]


@dataclass(frozen=True)
class KindPage:
    """One kind in full."""

    card: KindCard
    plural: str
    parameters: list[ParameterDetail]
    outputs: list[tuple[str, OutputSpec]]
    may_create: bool


def read_catalog(ctx: Context, principal: Principal) -> CatalogPage:
    """Read the whole catalog."""
    counts = _counts(ctx, principal)
    return CatalogPage(
        kinds=[_card(ctx, kind, counts) for kind in ctx.catalog.kinds.values()],
        clouds=list(ctx.catalog.clouds.values()),
        may_create=principal.has_anywhere(Right.STACK_WRITE),
    )


def read_kind(ctx: Context, principal: Principal, kind: str) -> KindPage:
    """Read one kind.

    Raises:
        NotFoundError: there is no such kind.
    """
    blueprint = ctx.catalog.kind(kind)
    return KindPage(
        card=_card(ctx, blueprint, _counts(ctx, principal)),
        plural=blueprint.plural,
        parameters=_parameters(blueprint.parameters, ""),
        outputs=sorted(blueprint.outputs.items()),
        may_create=principal.has_anywhere(Right.STACK_WRITE),
    )


def _counts(ctx: Context, principal: Principal) -> dict[str, int]:
    with ctx.read() as session:
        return count_stacks(session, principal, Stack.kind)


def _card(ctx: Context, blueprint: KindBlueprint, counts: dict[str, int]) -> KindCard:
    return KindCard(
        kind=blueprint.kind,
        title=blueprint.title,
        description=blueprint.description,
        version=blueprint.version,
        clouds=[ctx.catalog.clouds[name].title for name in blueprint.clouds],
        stacks=counts.get(blueprint.kind, 0),
    )


def _parameters(schema: dict[str, Any], prefix: str) -> list[ParameterDetail]:
    found = []
    required = schema.get("required", [])
    for name, child in schema.get("properties", {}).items():
        found.append(_detail(prefix + name, name, child, is_required=name in required))
        found += _parameters(child, f"{prefix}{name}.")
    return found


def _detail(path: str, name: str, schema: dict[str, Any], *, is_required: bool) -> ParameterDetail:
    types = schema.get("type", [])
    return ParameterDetail(
        path=path,
        title=schema.get("title", name),
        type=types if isinstance(types, str) else " or ".join(types),
        description=schema.get("description", ""),
        default=schema.get("default"),
        has_default="default" in schema,
        facts=_facts(schema, is_required=is_required),
    )


def _facts(schema: dict[str, Any], *, is_required: bool) -> list[str]:
    facts = ["required"] if is_required else []
    if "enum" in schema:
        facts.append("one of " + ", ".join(str(value) for value in schema["enum"]))
    if "minimum" in schema or "maximum" in schema:
        facts.append(f"{schema.get('minimum', '…')} to {schema.get('maximum', '…')}")
    if "x-unit" in schema:
        facts.append(f"in {schema['x-unit']}")
    if "x-references" in schema:
        facts.append(f"names a {schema['x-references']['kind']} stack")
    if schema.get("x-immutable"):
        facts.append("cannot change later")
    if schema.get("x-sensitive"):
        facts.append("write-only")
    return facts
