"""Reads a whole catalog from its folder, or says everything that is wrong with it.

Owns the layout ``blueprints/<kind>/blueprint.yaml``, ``blueprints/<kind>/<cloud>/*.tf``, the same
again under ``blueprints/<kind>/versions/<version>/``, and ``clouds/<cloud>.yaml``. Each rule itself
stands in one of the ``*_checks`` modules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.catalog.blueprint import KindBlueprint, OutputSpec, ReferenceSpec, Requirement
from app.catalog.blueprint_checks import check_blueprints
from app.catalog.blueprint_draft import BlueprintDraft
from app.catalog.catalog import Catalog
from app.catalog.cloud import Cloud
from app.catalog.cloud_loader import load_cloud
from app.catalog.definitions import insert_definitions
from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_shape
from app.catalog.hcl_source import read_module
from app.catalog.module_checks import check_module
from app.catalog.offers import read_offer
from app.catalog.output_checks import check_outputs
from app.catalog.parameter_checks import check_parameters
from app.catalog.parameters import ParameterSchema
from app.catalog.providers import find_declared_types
from app.catalog.shapes import BLUEPRINT
from app.catalog.stand_in_checks import check_stand_ins
from app.catalog.version_checks import check_versions
from app.catalog.yaml_source import read_yaml
from app.domain.versions import Version

BLUEPRINT_FILE_NAME = "blueprint.yaml"
VERSIONS_FOLDER_NAME = "versions"


def load_catalog(root: Path) -> Catalog:
    """Read and check everything under ``root``.

    Args:
        root: the folder that holds ``blueprints/`` and ``clouds/``.

    Raises:
        CatalogError: ``detail`` has ``file:line: what is wrong, what to do`` for every diagnostic,
            sorted, one a line.
    """
    diagnostics = Diagnostics()
    cloud_files = _cloud_files(root, diagnostics)
    loaded = {file.stem: load_cloud(file, diagnostics) for file in cloud_files}
    clouds = {name: cloud for name, cloud in loaded.items() if cloud is not None}
    folders = _visible_folders(root / "blueprints", diagnostics)
    read = {folder.name: _read_draft(folder, set(loaded), diagnostics) for folder in folders}
    drafts = [draft for draft in read.values() if draft is not None]
    unreadable = {name for name, draft in read.items() if draft is None}
    earlier = {folder.name: _read_earlier(folder, set(loaded), diagnostics) for folder in folders}
    others = [draft for found in earlier.values() for draft in found]
    check_blueprints(drafts, others, unreadable, clouds, diagnostics)
    check_stand_ins(drafts, unreadable, diagnostics)
    check_versions({draft.folder.name: draft for draft in drafts}, earlier, diagnostics)
    for draft in (*drafts, *others):
        for name, source in draft.sources.items():
            if name in clouds:
                check_module(draft, clouds[name], source, diagnostics)
    diagnostics.raise_if_any()
    kinds = {draft.kind: _build(draft, clouds) for draft in drafts}
    versions = {
        kind: _by_version([newest, *(_build(draft, clouds) for draft in earlier[kind])])
        for kind, newest in kinds.items()
    }
    return Catalog(MappingProxyType(kinds), MappingProxyType(clouds), MappingProxyType(versions))


def compute_digest(folder: Path) -> str:
    """Return the SHA-256, hexadecimal, of the names and bytes of all files in ``folder``.

    Hidden files and folders do not count: they are what editors and ``terraform init`` leave.
    Neither do earlier versions, which have digests of their own.
    """
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if is_hidden or name.parts[0] == VERSIONS_FOLDER_NAME:
            continue
        content = file.read_bytes()
        digest.update(f"{name.as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _cloud_files(root: Path, diagnostics: Diagnostics) -> list[Path]:
    files = sorted((root / "clouds").glob("*.yaml"))
    if not files:
        diagnostics.add(root / "clouds", 1, "there is no cloud; describe one in <cloud>.yaml here")
    return files


def _visible_folders(parent: Path, diagnostics: Diagnostics) -> list[Path]:
    if not parent.is_dir():
        diagnostics.add(parent, 1, "the folder is missing; create it")
        return []
    folders = sorted(path for path in parent.iterdir() if path.is_dir())
    return [folder for folder in folders if not folder.name.startswith(".")]


def _read_draft(folder: Path, clouds: set[str], diagnostics: Diagnostics) -> BlueprintDraft | None:
    modules = _module_folders(folder, clouds, diagnostics)
    sources = {name: read_module(path, diagnostics) for name, path in modules.items()}
    document = read_yaml(folder / BLUEPRINT_FILE_NAME, diagnostics)
    if document is None or not check_shape(document, BLUEPRINT, diagnostics):
        return None
    before = diagnostics.count()
    document = insert_definitions(document, diagnostics)
    if diagnostics.count() > before:
        return None
    check_parameters(document, diagnostics)
    check_outputs(document, diagnostics)
    if diagnostics.count() > before:
        return None
    parsed = {name: source for name, source in sources.items() if source is not None}
    properties = document.data["parameters"]["properties"]
    offers = {name: read_offer(path, properties, diagnostics) for name, path in modules.items()}
    return BlueprintDraft(folder, document, modules, parsed, offers)


def _read_earlier(folder: Path, clouds: set[str], diagnostics: Diagnostics) -> list[BlueprintDraft]:
    parent = folder / VERSIONS_FOLDER_NAME
    if not parent.is_dir():
        return []
    read = [
        _read_draft(path, clouds, diagnostics) for path in _visible_folders(parent, diagnostics)
    ]
    return [draft for draft in read if draft is not None]


def _by_version(blueprints: list[KindBlueprint]) -> Mapping[str, KindBlueprint]:
    ordered = sorted(blueprints, key=lambda item: Version(item.version), reverse=True)
    return MappingProxyType({item.version: item for item in ordered})


def _module_folders(folder: Path, clouds: set[str], diagnostics: Diagnostics) -> dict[str, Path]:
    file = folder / BLUEPRINT_FILE_NAME
    folders = [
        path for path in _visible_folders(folder, diagnostics) if path.name != VERSIONS_FOLDER_NAME
    ]
    if not folders:
        diagnostics.add(
            file, 1, "this kind has no module for any cloud; add a folder <cloud>/ with *.tf files"
        )
    for module in folders:
        if module.name not in clouds:
            known = ", ".join(sorted(clouds)) or "none"
            message = f"{module.name}/ is not named after a known cloud; known are: {known}"
            diagnostics.add(file, 1, message)
    return {module.name: module for module in folders if module.name in clouds}


def _build(draft: BlueprintDraft, clouds: Mapping[str, Cloud]) -> KindBlueprint:
    data: dict[str, Any] = draft.document.data
    section = data["parameters"]
    references = {
        name: ReferenceSpec(
            spec["kind"],
            MappingProxyType(dict(spec["outputs"])),
            tuple(_requirement(item) for item in spec.get("requires", ())),
        )
        for name, spec in draft.references.items()
    }
    return KindBlueprint(
        kind=draft.kind,
        plural=data["plural"],
        version=data["version"],
        title=data["title"],
        description=data["description"],
        schema=ParameterSchema(section["properties"], section.get("required", [])),
        outputs=MappingProxyType({name: _output(spec) for name, spec in data["outputs"].items()}),
        references=MappingProxyType(references),
        modules=MappingProxyType(dict(draft.modules)),
        digest=compute_digest(draft.folder),
        downgrade_to=frozenset(data.get("downgrade_to", ())),
        offers=MappingProxyType(dict(draft.offers)),
        declared={
            name: find_declared_types(source, clouds[name].provider_sources)
            for name, source in draft.sources.items()
        },
        stands_for=draft.stands_for,
    )


def _requirement(item: Mapping[str, Any]) -> Requirement:
    schema = {"properties": item["parameters"]}
    return Requirement(item["cloud"], item["kind"], schema, item["message"])


def _output(spec: Mapping[str, Any]) -> OutputSpec:
    types = [spec["type"]] if isinstance(spec["type"], str) else spec["type"]
    schema = {key: spec[key] for key in ("type", "items", "description") if key in spec}
    return OutputSpec(
        type=next(name for name in types if name != "null"),
        description=spec["description"],
        sensitive=spec.get("sensitive", False),
        schema=MappingProxyType(schema),
    )
