"""The form of a living stack's parameters: what they are now, and what was typed as a change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.catalog.catalog import Catalog
from app.console.shell.forms.fields import Choices, Field, build_fields, leaves
from app.console.shell.forms.values import Typed, read_parameters, written
from app.models import Stack

PREFIX = "/parameters"


def changeable_fields(catalog: Catalog, stack: Stack, stacks_of: Choices) -> tuple[Field, ...]:
    """Return the fields of what can be changed in place; none when the blueprint is gone.

    A group with a secret in it is left out: an empty field could not tell "as it is" from "none".
    """
    blueprint = catalog.find(stack.kind, stack.blueprint_version)
    if blueprint is None:
        return ()
    cloud = catalog.clouds.get(stack.cloud)
    is_made = bool(stack.applied_generation)
    return tuple(
        item
        for item in build_fields(blueprint.parameters, PREFIX, cloud, stacks_of)
        if not (item.is_immutable and is_made)
        and not any(inner.is_secret for inner in leaves(item.children))
    )


def present_parameters(stack: Stack) -> dict[str, Any]:
    """Return the parameters that are no secret; references by the names of their stacks."""
    names = {link.target.id: link.target.name for link in stack.references}
    return {name: _named(value, names) for name, value in stack.parameters.items()}


def typed_parameters(fields: Iterable[Field], present: Mapping[str, Any]) -> dict[str, str]:
    """Return what the fields show before anybody typed."""
    typed: dict[str, str] = {}
    for item in fields:
        value = present.get(item.schema_name)
        if item.control == "group":
            typed |= typed_parameters(item.children, value if isinstance(value, dict) else {})
        elif not item.is_secret:
            typed[item.pointer] = written(item, value)
    return typed


def changed_parameters(
    fields: Iterable[Field], typed: Typed, present: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was typed otherwise than it is, as a patch: ``None`` goes back to the default.

    A secret that was left empty stays as it is.

    Raises:
        ValidationError: a text cannot be read; each with its pointer.
    """
    shown = tuple(fields)
    values = read_parameters(shown, typed)
    patch: dict[str, Any] = {}
    for item in shown:
        name = item.schema_name
        if item.is_secret and name not in values:
            continue
        if item.is_secret and not typed.get(item.pointer, ""):
            continue
        if values.get(name) != present.get(name):
            patch[name] = values.get(name)
    return patch


def _named(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
