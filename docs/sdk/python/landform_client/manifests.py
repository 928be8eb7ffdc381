"""Manifests: files of YAML or JSON that say which stacks there should be.

A document is one stack (``kind``, ``name``, ``cloud_account``, ``parameters``, …) or holds several
in a list ``stacks``, as ``POST /manifests`` takes them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from landform_client.errors import LandformError

SUFFIXES = (".yaml", ".yml", ".json")
SETTINGS = ("auto_apply", "drift", "expires_at", "on_expiry", "deletion_protection")
TEXTS = ("kind", "name", "cloud_account", "project", "region")
FIELDS = (*TEXTS, "parameters", "labels", *SETTINGS)
MAX_BYTES = 4 * 1024 * 1024


class ManifestError(LandformError):
    """A manifest cannot be read, or says something that no stack has."""


@dataclass(frozen=True)
class StackManifest:
    """A stack as it should be.

    Attributes:
        source: the file, for messages.
        settings: those that the manifest names; others stay as they are.
    """

    source: str
    kind: str
    name: str
    cloud_account: str
    project: str
    region: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The stack as people name it: ``network/web``."""
        return f"{self.kind}/{self.name}"


def read_manifests(paths: list[str], project: str) -> list[StackManifest]:
    """Read files and folders (``.yaml``, ``.yml``, ``.json``); ``-`` is standard input.

    Args:
        paths: of files and folders.
        project: of stacks that name none.

    Raises:
        ManifestError: something cannot be read, or a stack is named twice.
    """
    found: dict[tuple[str, str], StackManifest] = {}
    for source, text in _texts(paths):
        for document in _documents(source, text):
            stack = _stack(source, document, project)
            before = found.setdefault((stack.project, stack.name), stack)
            if before is not stack:
                raise ManifestError(
                    f"{source}: {stack.name} of the project {stack.project} is in {before.source}, "
                    "too. Name each stack once."
                )
    if not found:
        raise ManifestError(f"There is no stack in {', '.join(paths)}.")
    return list(found.values())


def _texts(paths: list[str]) -> Iterator[tuple[str, str]]:
    for name in paths:
        if name == "-":
            yield "standard input", _read("standard input", sys.stdin.buffer)
            continue
        path = Path(name)
        files = sorted(_files(path)) if path.is_dir() else [path]
        for file in files:
            try:
                with file.open("rb") as opened:
                    yield str(file), _read(str(file), opened)
            except OSError as error:
                raise ManifestError(f"{file}: {error.strerror or error}.") from error


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts
        is_hidden = any(part.startswith(".") for part in inside)
        if path.suffix in SUFFIXES and not is_hidden and path.is_file():
            yield path


def _read(source: str, opened: IO[bytes]) -> str:
    data = opened.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{source}: it has more than {MAX_BYTES // 1024 // 1024} MiB.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{source}: it is not UTF-8.") from error


def _documents(source: str, text: str) -> Iterator[Any]:
    import yaml  # loaded late: only manifests need it

    from landform_client.yaml_reading import load_all

    try:
        documents = [item for item in load_all(text) if item is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split()) or "too deeply nested"
        raise ManifestError(f"{source}: it is no YAML: {words}.") from error
    for document in documents:
        if isinstance(document, dict) and set(document) == {"stacks"}:
            if not isinstance(document["stacks"], list):
                raise ManifestError(f"{source}: stacks must be a list.")
            yield from document["stacks"]
        else:
            yield document


def _stack(source: str, document: Any, project: str) -> StackManifest:
    if not isinstance(document, dict):
        raise ManifestError(f"{source}: a stack is a mapping with kind, name and cloud_account.")
    unknown = sorted(map(str, set(document) - set(FIELDS)))
    if unknown:
        known = ", ".join(FIELDS)
        raise ManifestError(f"{source}: there is no field {unknown[0]}. There are: {known}.")
    for name in ("kind", "name", "cloud_account"):
        if name not in document:
            raise ManifestError(f"{source}: a stack has no {name}.")
    for name in TEXTS:
        if not isinstance(document.get(name, ""), str):
            raise ManifestError(f"{source}: {name} must be a text.")
    parameters, labels = (document.get(name) or {} for name in ("parameters", "labels"))
    if not isinstance(parameters, dict) or not all(isinstance(key, str) for key in parameters):
        raise ManifestError(f"{source}: parameters of {document['name']} must be a mapping.")
    texts = [*labels.keys(), *labels.values()] if isinstance(labels, dict) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ManifestError(
            f"{source}: labels of {document['name']} must be a mapping of texts; "
            "put values such as true or 1 in quotes."
        )
    return StackManifest(
        source=source,
        kind=document["kind"],
        name=document["name"],
        cloud_account=document["cloud_account"],
        project=document.get("project", project),
        region=document.get("region"),
        parameters=parameters,
        labels=labels,
        settings={name: document[name] for name in SETTINGS if name in document},
    )
