"""Which providers a cloud declares, which of them a module uses, and where their hashes lie.

Owns the reading of ``required_providers`` and of the dependency lock file beside a cloud.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from app.catalog.diagnostics import Diagnostics
from app.catalog.hcl_source import Block, HclSyntaxError, ModuleSource, parse_blocks
from app.domain.declared_types import DeclaredTypes, provider_configuration

BUILTIN_SOURCE = "terraform.io/builtin/terraform"
BUILTIN_NAME = "terraform"
DEFAULT_HOST = "registry.terraform.io"
DEFAULT_NAMESPACE = "hashicorp"
SOURCE = re.compile(r'source="([^"]+)"')
DATA_PREFIX = "data."


def read_sources(blocks: Iterable[Block]) -> dict[str, str]:
    """Return the whole address of each provider that is required, by its local name."""
    found = {}
    for block in blocks:
        for child in block.blocks if block.type == "terraform" else ():
            if child.type == "required_providers":
                for name, text in child.attributes.items():
                    said = SOURCE.search(text)
                    found[name] = _whole_address(said[1] if said else name)
    return found


def check_lock(
    file: Path, sources: Mapping[str, str], diagnostics: Diagnostics, has_hashes: bool = True
) -> None:
    """Note what is wrong with the lock file that says which packages may be installed.

    Args:
        file: where it must lie.
        sources: the providers of the cloud, as ``read_sources`` gives them.
        diagnostics: where it is noted.
        has_hashes: whether it must say the hashes of the packages.
    """
    remedy = "write it with `terraform providers lock`"
    if not file.is_file():
        diagnostics.add(file, 1, f"the dependency lock file is missing; {remedy}")
        return
    try:
        blocks = parse_blocks(file.read_text(encoding="utf-8"), file)
    except (OSError, UnicodeDecodeError):
        diagnostics.add(file, 1, f"the lock file cannot be read; {remedy}")
        return
    except HclSyntaxError as error:
        diagnostics.add(file, error.line, f"{error}; {remedy}")
        return
    locked = {block.name: block for block in blocks if block.type == "provider"}
    for source in sorted({*sources.values()} - {*locked}):
        diagnostics.add(file, 1, f"the provider {source} is not in the lock file; {remedy}")
    for source, block in locked.items():
        if source not in sources.values():
            message = f"the cloud requires no provider {source}; remove it from the lock file"
            diagnostics.add(file, block.line, message)
        elif "version" not in block.attributes or (
            has_hashes and '"' not in block.attributes.get("hashes", "")
        ):
            message = f"the provider {source} has no version or no hashes here; {remedy}"
            diagnostics.add(file, block.line, message)


def check_providers(
    source: ModuleSource, sources: Mapping[str, str], diagnostics: Diagnostics
) -> None:
    """Note each resource of a module whose provider its cloud does not declare, and each module.

    Terraform would install such a provider or module from wherever it finds one.
    """
    for block in source.of_type("module"):
        message = "a module is not installed; write its resources here"
        diagnostics.add(block.file, block.line, message)
    for block in _resources(source.blocks):
        name, _ = _provider_of(block)
        if name not in sources and name != BUILTIN_NAME:
            message = (
                f"{'.'.join(block.labels)} needs the provider {name}, which the cloud does not "
                "declare; add it to required_providers in the cloud's description"
            )
            diagnostics.add(block.file, block.line, message)


def find_declared_types(source: ModuleSource, sources: Mapping[str, str]) -> DeclaredTypes:
    """Return which types of resources a checked module declares.

    That includes what it only names in a ``moved`` or ``removed`` block: a state may still hold it.
    """
    managed: dict[str, frozenset[str]] = {}
    data: dict[str, frozenset[str]] = {}
    for block in _resources(source.blocks):
        name, alias = _provider_of(block)
        used = provider_configuration(sources.get(name, BUILTIN_SOURCE), alias)
        types = managed if block.type == "resource" else data
        types[block.labels[0]] = types.get(block.labels[0], frozenset()) | {used}
    for type_ in _former_types(source.of_type("moved", "removed")):
        former = sources.get(_local_name(type_), BUILTIN_SOURCE)
        managed.setdefault(type_, frozenset({provider_configuration(former)}))
    return DeclaredTypes(managed, data)


def _whole_address(source: str) -> str:
    parts = source.split("/")
    return "/".join([*(DEFAULT_HOST, DEFAULT_NAMESPACE)[: 3 - len(parts)], *parts])


def _resources(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield resources and data sources, also those within ``check`` blocks."""
    for block in blocks:
        if block.type in ("resource", "data", "ephemeral"):
            yield block
        elif block.type == "check":
            yield from _resources(block.blocks)


def _provider_of(block: Block) -> tuple[str, str | None]:
    """Return the local name of a resource's provider, and the alias of its configuration."""
    said = block.attributes.get("provider")
    name, _, alias = said.partition(".") if said else (_local_name(block.labels[0]), "", "")
    return name, alias or None


def _local_name(type_: str) -> str:
    return type_.partition("_")[0]


def _former_types(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        address = block.attributes.get("from", "")
        if not address.startswith((DATA_PREFIX, "module.")):
            yield address.partition(".")[0]
