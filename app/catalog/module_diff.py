"""Which resources an upgrade of a blueprint would destroy, as far as its modules say.

A resource whose address a new version no longer declares is destroyed by the upgrade, unless a
``moved`` block renames it or a ``removed`` block lets go of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.catalog.blueprint import KindBlueprint
from app.catalog.diagnostics import Diagnostics
from app.catalog.hcl_source import ModuleSource, read_module
from app.catalog.version_diff import Difference


def find_lost_resources(old: KindBlueprint, new: KindBlueprint) -> list[Difference]:
    """Return a breaking difference for each resource that ``new`` lets Terraform destroy."""
    return [
        Difference(f"clouds.{cloud}.{address}", "is destroyed by an upgrade", is_breaking=True)
        for cloud in sorted(old.modules.keys() & new.modules.keys())
        for address in _lost(_read(old, cloud), _read(new, cloud))
    ]


def _read(blueprint: KindBlueprint, cloud: str) -> ModuleSource:
    source = read_module(blueprint.modules[cloud], Diagnostics())
    return source if source is not None else ModuleSource(blueprint.modules[cloud])


def _lost(old: ModuleSource, new: ModuleSource) -> Iterator[str]:
    kept = {*_addresses(new)}
    for block in new.of_type("moved", "removed"):
        kept.add(block.attributes.get("from", "").partition("[")[0])
    yield from sorted({*_addresses(old)} - kept)


def _addresses(module: ModuleSource) -> Iterator[str]:
    for block in module.of_type("resource"):
        yield ".".join(block.labels)
