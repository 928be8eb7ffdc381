"""The catalog: every kind and every cloud that this Landform knows, by name.

Owns lookup only. Reading it from files is ``loader``'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.catalog.blueprint import KindBlueprint, OutputSpec, ReferenceSpec
from app.catalog.cloud import PROVIDER_FILE_NAME, Choice, Cloud, CredentialField, Region
from app.catalog.providers import BUILTIN_SOURCE
from app.domain.declared_types import DeclaredTypes
from app.errors import BlueprintMissingError, NotFoundError

# The door of this package: what other layers need beside ``loader.load_catalog``.
__all__ = [
    "BUILTIN_SOURCE",
    "PROVIDER_FILE_NAME",
    "Catalog",
    "Choice",
    "Cloud",
    "CredentialField",
    "KindBlueprint",
    "OutputSpec",
    "ReferenceSpec",
    "Region",
]


@dataclass(frozen=True)
class Catalog:
    """All blueprints by kind and all clouds by name, each sorted.

    ``kinds`` has the newest version of each; ``versions`` all of them by kind, the newest first.
    """

    kinds: Mapping[str, KindBlueprint]
    clouds: Mapping[str, Cloud]
    versions: Mapping[str, Mapping[str, KindBlueprint]]

    def kind(self, name: str) -> KindBlueprint:
        """Return the blueprint of the kind ``name``.

        Raises:
            NotFoundError: lists the kinds there are.
        """
        if name not in self.kinds:
            raise NotFoundError(
                f"There is no such kind; the kinds are: {', '.join(self.kinds) or 'none'}."
            )
        return self.kinds[name]

    def kinds_in_place_of(self, kind: str) -> tuple[str, ...]:
        """Return what a reference to ``kind`` may name: itself first, then what stands for it."""
        others = (item.kind for item in self.kinds.values() if item.stands_for == kind)
        return (kind, *others)

    def find(self, kind: str, version: str) -> KindBlueprint | None:
        """Return that version of a kind, or nothing when it is not in the catalogue."""
        return self.versions.get(kind, {}).get(version)

    def blueprint(self, kind: str, version: str) -> KindBlueprint:
        """Return the version of the blueprint that a stack has.

        Raises:
            BlueprintMissingError: it has left the catalog; lists what there is.
        """
        found = self.find(kind, version)
        if found is None:
            known = ", ".join(self.versions.get(kind, {})) or "none"
            raise BlueprintMissingError(
                f"Version {version} of the kind {kind} is not in the catalog, which has: {known}."
            )
        return found

    def declared_types(self, kind: str, cloud: str) -> DeclaredTypes:
        """Return the types of resources that any version of a kind declares on a cloud."""
        versions = self.versions.get(kind, {}).values()
        return DeclaredTypes.union(
            item.declared[cloud] for item in versions if cloud in item.declared
        )

    def cloud(self, name: str) -> Cloud:
        """Return the cloud ``name``.

        Raises:
            NotFoundError: lists the clouds there are.
        """
        if name not in self.clouds:
            raise NotFoundError(
                f"There is no such cloud; the clouds are: {', '.join(self.clouds) or 'none'}."
            )
        return self.clouds[name]
