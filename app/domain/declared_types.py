"""Which types of resources a module declares, and by which provider each is managed. Pure rules.

A state, an import or a manifest may name nothing else: whatever it names decides which program is
installed and started with the credentials of the cloud account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Types = Mapping[str, frozenset[str]]
"""Provider configurations, written as in a state, by type of resource."""


@dataclass(frozen=True)
class DeclaredTypes:
    """What the modules of a blueprint declare on one cloud.

    Attributes:
        managed: types of managed resources.
        data: types of data sources.
    """

    managed: Types = field(default_factory=dict)
    data: Types = field(default_factory=dict)

    def of_mode(self, mode: str) -> Types:
        """Return the types of ``managed`` or ``data`` resources; nothing for another mode."""
        return {"managed": self.managed, "data": self.data}.get(mode, {})

    @property
    def providers(self) -> frozenset[str]:
        """Every provider configuration that is declared."""
        return frozenset().union(*self.managed.values(), *self.data.values())

    @classmethod
    def union(cls, items: Iterable[DeclaredTypes]) -> DeclaredTypes:
        """Return what at least one of them declares."""
        found = list(items)
        return cls(
            _merge(item.managed for item in found),
            _merge(item.data for item in found),
        )


def provider_configuration(source: str, alias: str | None = None) -> str:
    """Return how a state names a provider, such as ``provider["registry.terraform.io/a/b"]``."""
    return f'provider["{source}"]' + (f".{alias}" if alias else "")


def _merge(items: Iterable[Types]) -> Types:
    merged: dict[str, frozenset[str]] = {}
    for types in items:
        for name, providers in types.items():
            merged[name] = merged.get(name, frozenset()) | providers
    return merged
