"""What a plan does to one resource, and what happened to it outside; masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.terraform.difference import AttributeChange

NOOP = ("no-op",)
REPLACE = ({"delete", "create"}, {"forget", "create"})


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource instance. ``before`` and ``after`` are masked."""

    address: str
    previous_address: str | None
    mode: str
    type: str
    name: str
    module: str
    index: int | str | None
    provider: str
    deposed_key: str | None
    actions: tuple[str, ...]
    action_reason: str | None
    before: Any
    after: Any
    attributes: tuple[AttributeChange, ...]
    replace_paths: tuple[tuple[str | int, ...], ...]
    imported_id: str | None = None

    @property
    def is_noop(self) -> bool:
        """Whether nothing happens to it, not even in the record."""
        return self.actions == NOOP and not (self.is_import or self.is_move)

    @property
    def is_import(self) -> bool:
        """Whether it is taken into the state, changed or not."""
        return self.imported_id is not None

    @property
    def is_move(self) -> bool:
        """Whether the state gets it under another address, changed or not."""
        return self.previous_address not in (None, self.address)

    @property
    def is_forget(self) -> bool:
        """Whether it leaves the state and stays in the cloud, replaced by a new one or not."""
        return "forget" in self.actions

    @property
    def is_create(self) -> bool:
        """Whether it is created and nothing is destroyed for it."""
        return self.actions == ("create",)

    @property
    def is_update(self) -> bool:
        """Whether it is changed in place."""
        return self.actions == ("update",)

    @property
    def is_delete(self) -> bool:
        """Whether it is destroyed and not created again."""
        return self.actions == ("delete",)

    @property
    def is_replace(self) -> bool:
        """Whether it is destroyed and created anew, in either order."""
        return set(self.actions) in REPLACE

    @property
    def is_read(self) -> bool:
        """Whether it is only read (a data source)."""
        return self.actions == ("read",)

    @property
    def action(self) -> str:
        """One word: ``create, update, delete, replace, read, import, move, no-op, forget``."""
        if self.actions == NOOP and self.is_import:
            return "import"
        if self.actions == NOOP and self.is_move:
            return "move"
        return "replace" if self.is_replace else self.actions[0]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "address": self.address,
            "previous_address": self.previous_address,
            "mode": self.mode,
            "type": self.type,
            "name": self.name,
            "module": self.module,
            "action": self.action,
            "actions": list(self.actions),
            "action_reason": self.action_reason,
            "imported_id": self.imported_id,
            "before": self.before,
            "after": self.after,
            "attributes": [item.to_dict() for item in self.attributes],
        }


@dataclass(frozen=True)
class DriftedResource:
    """A resource that changed outside; ``before`` is what was agreed, ``after`` reality."""

    resource: ResourceChange
    change: Literal["updated", "deleted"]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "address": self.resource.address,
            "name": self.resource.name,
            "type": self.resource.type,
            "change": self.change,
            "attributes": [item.to_dict() for item in self.resource.attributes],
        }
