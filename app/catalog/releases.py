"""Which versions of blueprints are released, and that nobody changes them in place.

A stack keeps the version that it has: were that changed, the stack would get it without an
upgrade. ``blueprints/released.json`` has, for each released version, a digest of its contract
(parameters, outputs, references) and one for each cloud (module, limits, what the cloud needs of
referenced stacks), so that a further cloud may be added to a released version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.catalog.loader import compute_digest
from app.errors import CatalogError

RELEASED_FILE_NAME = "released.json"
CONTRACT = "contract"
PROSE = ("title", "description", "examples", "x-message", "x-unit")

Digests = Mapping[str, str]
Releases = Mapping[str, Mapping[str, Digests]]
"""By kind and version: the digest of the contract, and of each cloud by its name."""


def digests_of(blueprint: KindBlueprint) -> dict[str, str]:
    """Return the digests of a version: of its contract, and of each cloud's part."""
    contract = {
        "plural": blueprint.plural,
        "parameters": _without_prose(blueprint.schema.properties),
        "required": sorted(blueprint.parameters.get("required", ())),
        "outputs": {
            name: [_without_prose(spec.schema), spec.sensitive]
            for name, spec in blueprint.outputs.items()
        },
        "references": {
            name: [spec.kind, dict(spec.outputs)] for name, spec in blueprint.references.items()
        },
        "stands_for": blueprint.stands_for,
    }
    parts = {cloud: _cloud_part(blueprint, cloud) for cloud in blueprint.clouds}
    return {CONTRACT: _digest(contract), **{cloud: _digest(it) for cloud, it in parts.items()}}


def _cloud_part(blueprint: KindBlueprint, cloud: str) -> list[object]:
    needs = [
        [name, need.kind, dict(need.schema)]
        for name, spec in blueprint.references.items()
        for need in spec.requires
        if need.cloud == cloud
    ]
    return [compute_digest(blueprint.modules[cloud]), needs]


def _without_prose(schema: Any) -> Any:
    """Return a schema without what only people read: mending a description changes nothing."""
    if isinstance(schema, Mapping):
        return {
            name: _without_prose(item)
            for name, item in schema.items()
            if name not in PROSE or not isinstance(item, str | list)
        }
    return [_without_prose(item) for item in schema] if isinstance(schema, list) else schema


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_releases(root: Path) -> Releases:
    """Return what is released; nothing where the catalog has no such file.

    Args:
        root: the folder that holds ``blueprints/``.

    Raises:
        CatalogError: the file is not what ``write_releases`` writes.
    """
    file = root / "blueprints" / RELEASED_FILE_NAME
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CatalogError(f"{file}:1: cannot be read as JSON ({error}); restore it") from error
    versions = data.values() if isinstance(data, dict) else [None]
    if not all(isinstance(item, dict) for item in versions):
        raise CatalogError(f"{file}:1: is no register of released versions; restore it")
    releases: Releases = data
    return releases


def write_releases(root: Path, catalog: Catalog) -> list[str]:
    """Register every version of the catalog, and keep what is registered already.

    Returns:
        The versions that are new in the register, as ``kind version``.
    """
    known = {kind: dict(versions) for kind, versions in read_releases(root).items()}
    added = []
    for blueprint in _all(catalog):
        versions = known.setdefault(blueprint.kind, {})
        if blueprint.version not in versions:
            added.append(f"{blueprint.kind} {blueprint.version}")
        versions[blueprint.version] = {
            **digests_of(blueprint),
            **versions.get(blueprint.version, {}),
        }
    text = json.dumps(known, indent=2, sort_keys=True) + "\n"
    (root / "blueprints" / RELEASED_FILE_NAME).write_text(text, encoding="utf-8")
    return added


def find_changed(catalog: Catalog, releases: Releases) -> list[str]:
    """Return a sentence for each released version that is otherwise than it was released."""
    return [
        f"{blueprint.kind} {blueprint.version} was released and its {_part(name)} has changed; "
        f"put that back, copy the folder to versions/{blueprint.version} and raise the version"
        for blueprint in _all(catalog)
        for name, digest in releases.get(blueprint.kind, {}).get(blueprint.version, {}).items()
        if digests_of(blueprint).get(name) != digest
    ]


def _part(name: str) -> str:
    return "contract" if name == CONTRACT else f"part for {name}"


def _all(catalog: Catalog) -> Iterator[KindBlueprint]:
    for versions in catalog.versions.values():
        yield from versions.values()
