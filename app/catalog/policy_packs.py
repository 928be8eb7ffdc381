"""Packs: policies that the catalog ships, as ``policies/<name>/policies.yaml`` under its root.

A pack is a text to begin with. Nothing asks its policies until somebody makes a set of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_shape
from app.catalog.yaml_source import read_yaml
from app.domain.policy_reading import read_policies, write_policy
from app.errors import ValidationError

FOLDER = "policies"
FILE = "policies.yaml"
SHAPE: Mapping[str, Any] = {
    "type": "object",
    "required": ["title", "description", "policies"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "policies": {"type": "array"},
    },
}


@dataclass(frozen=True)
class PolicyPack:
    """A pack; ``policies`` is what ``policy_reading`` writes."""

    name: str
    title: str
    description: str
    policies: tuple[dict[str, Any], ...]


def load_packs(root: Path) -> tuple[PolicyPack, ...]:
    """Read the packs of a catalog, sorted by name; none where it has no such folder.

    Raises:
        CatalogError: ``detail`` has ``file:line: what is wrong`` for every diagnostic.
    """
    diagnostics = Diagnostics()
    files = sorted((root / FOLDER).glob(f"*/{FILE}"))
    packs = [_read(file, diagnostics) for file in files]
    diagnostics.raise_if_any()
    return tuple(pack for pack in packs if pack is not None)


def _read(file: Path, diagnostics: Diagnostics) -> PolicyPack | None:
    document = read_yaml(file, diagnostics)
    if document is None or not check_shape(document, SHAPE, diagnostics):
        return None
    data = document.data
    try:
        policies = read_policies(data["policies"])
    except ValidationError as error:
        for problem in error.problems:
            path = place_of(problem.pointer)
            diagnostics.add(file, document.line(*path), f"{problem.pointer}: {problem.message}")
        return None
    return PolicyPack(
        name=file.parent.name,
        title=data["title"],
        description=data["description"],
        policies=tuple(write_policy(policy) for policy in policies),
    )


def place_of(pointer: str) -> tuple[str | int, ...]:
    """Return the path of a value from its JSON pointer (RFC 6901)."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return tuple(int(part) if part.isdecimal() else part for part in parts)
