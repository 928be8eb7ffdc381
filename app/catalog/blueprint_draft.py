"""A blueprint whose files are read but not yet checked against the rest of the catalogue.

Owns the questions that several checks ask of the same files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.catalog.blueprint import variable_name
from app.catalog.hcl_source import ModuleSource
from app.catalog.offers import Offer
from app.catalog.yaml_source import PointerPath, YamlDocument


@dataclass(frozen=True)
class ExpectedVariable:
    """A variable that every module must declare, and the line of the blueprint that wants it."""

    name: str
    path: PointerPath
    schema: Mapping[str, Any] | None
    is_required: bool


@dataclass(frozen=True)
class BlueprintDraft:
    """The files of one blueprint. ``modules`` has a folder for each cloud, parsed or not.

    ``offers`` has what each cloud offers less of.
    """

    folder: Path
    document: YamlDocument
    modules: Mapping[str, Path]
    sources: Mapping[str, ModuleSource]
    offers: Mapping[str, Offer] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        kind: str = self.document.data["kind"]
        return kind

    @property
    def version(self) -> str:
        version: str = self.document.data["version"]
        return version

    @property
    def stands_for(self) -> str | None:
        """The kind in whose place a stack of this one may be referred to."""
        kind: str | None = self.document.data.get("stands_for")
        return kind

    @property
    def properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = self.document.data["parameters"]["properties"]
        return properties

    @property
    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = self.document.data["outputs"]
        return outputs

    @property
    def references(self) -> dict[str, dict[str, Any]]:
        """The ``x-references`` of each parameter that has one."""
        return {
            name: schema["x-references"]
            for name, schema in self.properties.items()
            if "x-references" in schema
        }

    def line(self, *path: str | int) -> int:
        return self.document.line(*path)

    def expected_variables(self) -> list[ExpectedVariable]:
        """Return what parameters and references feed, in the order of the file."""
        result: list[ExpectedVariable] = []
        required = self.document.data["parameters"].get("required", ())
        for name, schema in self.properties.items():
            path: PointerPath = ("parameters", "properties", name)
            is_required = name in required
            if "x-references" not in schema:
                variable = variable_name(name, schema)
                result.append(ExpectedVariable(variable, path, schema, is_required))
                continue
            for output, variable in schema["x-references"]["outputs"].items():
                place = (*path, "x-references", "outputs", output)
                result.append(ExpectedVariable(variable, place, None, is_required))
        return result
