"""Reads ``terraform/clouds/<cloud>.yaml`` into a ``Cloud``.

Owns what must be true within one cloud description.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.catalog.cloud import (
    Choice,
    Cloud,
    CredentialField,
    Holds,
    Region,
    ServingProvider,
    SignIn,
    TagRules,
)
from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_shape
from app.catalog.hcl_source import Block, HclSyntaxError, parse_blocks
from app.catalog.providers import check_lock, read_sources
from app.catalog.shapes import CLOUD
from app.catalog.yaml_source import YamlDocument, read_yaml
from app.domain.drift import Severity
from app.domain.drift_severity import Direction, SeverityRow

LOCK_SUFFIX = ".lock.hcl"
"""Ends the name of the dependency lock file that lies beside a cloud description."""

ALWAYS_UNTAGGABLE = frozenset({"terraform_data"})


LOOKS_LIKE = (
    ("file", re.compile(r"(?:^|_)(?:file|path|dir|directory|folder)s?(?:_|$)")),
    ("endpoint", re.compile(r"(?:^|_)(?:endpoint|url|uri|host|server|address|proxy)s?(?:_|$)")),
)
"""Words in the name of a credential, or of what it fills, that tell what it may well hold."""

RUNS_SOMETHING = re.compile(r"(?:^|_)(?:command|cmd|process|exec|executable|script)s?(?:_|$)")
"""Words that tell of a program to start, which no account may name."""


def load_cloud(file: Path, diagnostics: Diagnostics) -> Cloud | None:
    """Read one description; note what is wrong and then return ``None``."""
    before = diagnostics.count()
    document = read_yaml(file, diagnostics)
    if document is None or not check_shape(document, CLOUD, diagnostics):
        return None
    _check_name(document, diagnostics)
    _check_regions(document, diagnostics)
    _check_credentials(document, diagnostics)
    _check_sign_ins(document, diagnostics)
    _check_provider(document, diagnostics)
    return _build(document.data, file) if diagnostics.count() == before else None


def _check_name(document: YamlDocument, diagnostics: Diagnostics) -> None:
    name = document.data["name"]
    if name != document.file.stem:
        message = f"the cloud is named {name} but its file is not; name the file {name}.yaml"
        diagnostics.add(document.file, document.line("name"), message)


def _check_regions(document: YamlDocument, diagnostics: Diagnostics) -> None:
    seen: set[str] = set()
    for index, region in enumerate(document.data["regions"]):
        if region["name"] in seen:
            line = document.line("regions", index, "name")
            message = f"the region {region['name']} is described twice; remove one"
            diagnostics.add(document.file, line, message)
        seen.add(region["name"])
    default = document.data.get("default_region")
    if default is not None and default not in seen:
        message = f"default_region {default} is none of the regions: {', '.join(sorted(seen))}"
        diagnostics.add(document.file, document.line("default_region"), message)


def _check_credentials(document: YamlDocument, diagnostics: Diagnostics) -> None:
    for key in ("environment", "variable"):
        seen: dict[str, str] = {}
        for name, field in document.data["credentials"].items():
            place = field.get(key)
            if place in seen:
                line = document.line("credentials", name, key)
                message = f"{place} is already filled by {seen[place]}; use another variable"
                diagnostics.add(document.file, line, message)
            if place is not None:
                seen[place] = name
    for name, field in document.data["credentials"].items():
        line = document.line("credentials", name)
        if "environment" not in field and "variable" not in field:
            message = f"nothing hands {name} to the provider; add environment or variable"
            diagnostics.add(document.file, line, message)
        _check_what_it_holds(document, name, field, diagnostics)
        if "variable" in field and field.get("secret"):
            message = f"{name} is secret, and variables are kept in plans; use environment instead"
            diagnostics.add(document.file, document.line("credentials", name, "variable"), message)


def _check_what_it_holds(
    document: YamlDocument, name: str, field: dict[str, Any], diagnostics: Diagnostics
) -> None:
    """Refuse a field that may hold a path, an address or a command and does not say so.

    Whoever makes accounts would otherwise read files of the host, or reach its network.
    """
    line = document.line("credentials", name)
    names = [name, *(field[key].lower() for key in ("environment", "variable") if key in field)]
    if any(RUNS_SOMETHING.search(text) for text in names):
        message = f"{name} names a program; an account may start none: remove it"
        diagnostics.add(document.file, line, message)
    if "holds" in field:
        return
    for holds, pattern in LOOKS_LIKE:
        if any(pattern.search(text) for text in names):
            message = f"{name} looks like {_ARTICLES[holds]}; say holds: {holds}, or holds: text"
            diagnostics.add(document.file, line, message)


_ARTICLES = {"file": "the path of a file", "endpoint": "an address that requests go to"}


def _check_sign_ins(document: YamlDocument, diagnostics: Diagnostics) -> None:
    known = document.data["credentials"]
    for index, way in enumerate(document.data.get("sign_in", ())):
        for key in ("required", "optional"):
            for name in way.get(key, ()):
                if name not in known:
                    message = f"{name} is no credential; they are: {', '.join(known)}"
                    line = document.line("sign_in", index, key)
                    diagnostics.add(document.file, line, message)


def _check_provider(document: YamlDocument, diagnostics: Diagnostics) -> None:
    line = document.line("provider")
    try:
        blocks = parse_blocks(document.data["provider"], document.file)
    except HclSyntaxError as error:
        diagnostics.add(document.file, line + error.line, f"provider: {error}")
        return
    if not any(block.type == "provider" for block in blocks):
        diagnostics.add(document.file, line, "provider: there is no provider block; add one")
    declared = {block.name for block in blocks if block.type == "variable"}
    for name, field in document.data["credentials"].items():
        if "variable" in field and field["variable"] not in declared:
            message = f'provider: {name} fills no variable; add variable "{field["variable"]}"'
            diagnostics.add(document.file, line, message)
    if not any(_pins_providers(block) for block in blocks):
        message = "provider: no version is pinned; add terraform { required_providers { … } }"
        diagnostics.add(document.file, line, message)
    has_hashes = document.data.get("package_hashes", True)
    check_lock(_lock_file(document.file), read_sources(blocks), diagnostics, has_hashes)


def _lock_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}{LOCK_SUFFIX}")


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
    severities = {name: tuple(map(_row, rows)) for name, rows in data.get("severity", {}).items()}
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
            described=frozenset(tags.get("described", ())),
            separator=tags.get("separator", ":"),
            arguments=MappingProxyType(tags.get("argument_of", {})),
        ),
        provider_hcl=data["provider"],
        sign_ins=tuple(map(_sign_in, data.get("sign_in", ()))),
        kept_provider=_kept_provider(data.get("kept_provider")),
        provider_lock=_lock_file(file).read_bytes(),
        provider_sources=MappingProxyType(read_sources(parse_blocks(data["provider"], file))),
        region_environment=data.get("region_environment"),
        memory_mib=data.get("memory_mib", 0),
        refreshes_after_apply=data.get("refresh_after_apply", False),
        moving=MappingProxyType(
            {name: frozenset(paths) for name, paths in data.get("moves_by_itself", {}).items()}
        ),
        severities=MappingProxyType(severities),
        holds_data=frozenset(data.get("holds_data", ())),
    )


def _row(item: dict[str, Any]) -> SeverityRow:
    return SeverityRow(
        attribute=item["attribute"],
        direction=Direction(item.get("when", Direction.ANY)),
        severity=Severity(item["severity"]),
        reason=item["reason"],
        value=item.get("to"),
    )


def _kept_provider(item: dict[str, Any] | None) -> ServingProvider | None:
    return ServingProvider(item["source"], tuple(item["arguments"])) if item else None


def _sign_in(item: dict[str, Any]) -> SignIn:
    return SignIn(
        item["name"],
        item["title"],
        tuple(item["required"]),
        tuple(item.get("optional", ())),
        item.get("uses_host", False),
    )


def _region(item: dict[str, Any]) -> Region:
    return Region(item["name"], item["title"], item["provider"], tuple(item["zones"]))


def _choice(word: str, item: dict[str, Any]) -> Choice:
    until = item.get("supported_until")
    return Choice(
        word,
        item["title"],
        item.get("description", ""),
        item["provider"],
        date.fromisoformat(until) if until else None,
    )


def _credential(name: str, field: dict[str, Any]) -> CredentialField:
    return CredentialField(
        name=name,
        title=field["title"],
        description=field.get("description", ""),
        environment=field.get("environment"),
        variable=field.get("variable"),
        is_secret=field.get("secret", False),
        is_required=field.get("required", False),
        holds=Holds(field.get("holds", Holds.TEXT)),
    )
