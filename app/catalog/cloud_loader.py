"""Reads ``terraform/clouds/<cloud>.yaml`` into a ``Cloud``.

Owns what must be true within one cloud description.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.catalog.cloud import (
    Choice,
    Cloud,
    CredentialField,
    KeptProvider,
    Region,
    SignIn,
    TagRules,
)
from app.catalog.document_checks import check_shape
from app.catalog.hcl_source import Block, HclSyntaxError, parse_blocks
from app.catalog.mistakes import MistakeList
from app.catalog.shapes import CLOUD
from app.catalog.yaml_source import Document, read_yaml

LOCK_SUFFIX = ".lock.hcl"
"""Ends the name of the dependency lock file that lies beside a cloud description."""

ALWAYS_UNTAGGABLE = frozenset({"terraform_data"})


def load_cloud(file: Path, mistakes: MistakeList) -> Cloud | None:
    """Read one description; note every mistake and then return ``None``."""
    before = mistakes.count()
    document = read_yaml(file, mistakes)
    if document is None or not check_shape(document, CLOUD, mistakes):
        return None
    _check_name(document, mistakes)
    _check_regions(document, mistakes)
    _check_credentials(document, mistakes)
    _check_sign_ins(document, mistakes)
    _check_provider(document, mistakes)
    return _build(document.data, file) if mistakes.count() == before else None


def _check_name(document: Document, mistakes: MistakeList) -> None:
    name = document.data["name"]
    if name != document.file.stem:
        message = f"the cloud is named {name} but its file is not; name the file {name}.yaml"
        mistakes.add(document.file, document.line("name"), message)


def _check_regions(document: Document, mistakes: MistakeList) -> None:
    seen: set[str] = set()
    for index, region in enumerate(document.data["regions"]):
        if region["name"] in seen:
            line = document.line("regions", index, "name")
            message = f"the region {region['name']} is described twice; remove one"
            mistakes.add(document.file, line, message)
        seen.add(region["name"])
    default = document.data.get("default_region")
    if default is not None and default not in seen:
        message = f"default_region {default} is none of the regions: {', '.join(sorted(seen))}"
        mistakes.add(document.file, document.line("default_region"), message)


def _check_credentials(document: Document, mistakes: MistakeList) -> None:
    for key in ("environment", "variable"):
        seen: dict[str, str] = {}
        for name, field in document.data["credentials"].items():
            place = field.get(key)
            if place in seen:
                line = document.line("credentials", name, key)
                message = f"{place} is already filled by {seen[place]}; use another variable"
                mistakes.add(document.file, line, message)
            if place is not None:
                seen[place] = name
    for name, field in document.data["credentials"].items():
        line = document.line("credentials", name)
        if "environment" not in field and "variable" not in field:
            message = f"nothing hands {name} to the provider; add environment or variable"
            mistakes.add(document.file, line, message)
        if "variable" in field and field.get("secret"):
            message = f"{name} is secret, and variables are kept in plans; use environment instead"
            mistakes.add(document.file, document.line("credentials", name, "variable"), message)


def _check_sign_ins(document: Document, mistakes: MistakeList) -> None:
    known = document.data["credentials"]
    for index, way in enumerate(document.data.get("sign_in", ())):
        for key in ("required", "optional"):
            for name in way.get(key, ()):
                if name not in known:
                    message = f"{name} is no credential; they are: {', '.join(known)}"
                    line = document.line("sign_in", index, key)
                    mistakes.add(document.file, line, message)


def _check_provider(document: Document, mistakes: MistakeList) -> None:
    line = document.line("provider")
    try:
        blocks = parse_blocks(document.data["provider"], document.file)
    except HclSyntaxError as error:
        mistakes.add(document.file, line + error.line, f"provider: {error}")
        return
    if not any(block.type == "provider" for block in blocks):
        mistakes.add(document.file, line, "provider: there is no provider block; add one")
    declared = {block.name for block in blocks if block.type == "variable"}
    for name, field in document.data["credentials"].items():
        if "variable" in field and field["variable"] not in declared:
            message = f'provider: {name} fills no variable; add variable "{field["variable"]}"'
            mistakes.add(document.file, line, message)
    if not any(_pins_providers(block) for block in blocks):
        message = "provider: no version is pinned; add terraform { required_providers { … } }"
        mistakes.add(document.file, line, message)


def _pins_providers(block: Block) -> bool:
    if block.type != "terraform":
        return False
    entries = [
        text
        for child in block.blocks
        if child.type == "required_providers"
        for text in child.attributes.values()
    ]
    return bool(entries) and all("version" in text for text in entries)


def _build(data: dict[str, Any], file: Path) -> Cloud:
    tags = data["tags"]
    lock = file.with_name(f"{data['name']}{LOCK_SUFFIX}")
    return Cloud(
        name=data["name"],
        title=data["title"],
        description=data["description"],
        regions=MappingProxyType({item["name"]: _region(item) for item in data["regions"]}),
        default_region=data.get("default_region"),
        vocabulary=MappingProxyType(
            {
                name: MappingProxyType({word: _choice(word, item) for word, item in words.items()})
                for name, words in data["vocabulary"].items()
            }
        ),
        credential_fields=MappingProxyType(
            {name: _credential(name, field) for name, field in data["credentials"].items()}
        ),
        tags=TagRules(
            argument=tags["argument"],
            untaggable=ALWAYS_UNTAGGABLE | frozenset(tags.get("untaggable", ())),
            note=tags.get("note", ""),
        ),
        provider_hcl=data["provider"],
        sign_ins=tuple(map(_sign_in, data.get("sign_in", ()))),
        kept_provider=_kept_provider(data.get("kept_provider")),
        provider_lock=lock.read_bytes() if lock.exists() else None,
        region_environment=data.get("region_environment"),
        memory_mib=data.get("memory_mib", 0),
        refreshes_after_apply=data.get("refresh_after_apply", False),
        moving=MappingProxyType(
            {name: frozenset(paths) for name, paths in data.get("moves_by_itself", {}).items()}
        ),
    )


def _kept_provider(item: dict[str, Any] | None) -> KeptProvider | None:
    return KeptProvider(item["source"], tuple(item["arguments"])) if item else None


def _sign_in(item: dict[str, Any]) -> SignIn:
    return SignIn(
        item["name"], item["title"], tuple(item["required"]), tuple(item.get("optional", ()))
    )


def _region(item: dict[str, Any]) -> Region:
    return Region(item["name"], item["title"], item["provider"], tuple(item["zones"]))


def _choice(word: str, item: dict[str, Any]) -> Choice:
    return Choice(word, item["title"], item.get("description", ""), item["provider"])


def _credential(name: str, field: dict[str, Any]) -> CredentialField:
    return CredentialField(
        name=name,
        title=field["title"],
        description=field.get("description", ""),
        environment=field.get("environment"),
        variable=field.get("variable"),
        is_secret=field.get("secret", False),
        is_required=field.get("required", False),
    )
