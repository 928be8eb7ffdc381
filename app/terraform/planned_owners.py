"""To which stacks the resources of a plan belong, by what Terraform has just read of them.

Read from the raw plan: a state that marks its tags as sensitive would hide them in a masked one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.resource_keys import identity_texts
from app.domain.resource_names import owners_within


@dataclass(frozen=True)
class PlannedResource:
    """A resource that exists and that a plan knows.

    ``texts`` says which one it is (``app.domain.resource_keys.IDENTITY``), ``owners`` whose tags
    it carries.
    """

    address: str
    type: str
    texts: Mapping[str, str]
    owners: frozenset[str]


def read_planned_resources(document: Mapping[str, Any]) -> tuple[PlannedResource, ...]:
    """Return the managed resources of a plan that exist, as ``show -json`` tells them."""
    return tuple(
        PlannedResource(
            item["address"], item["type"], identity_texts(before), owners_within(before)
        )
        for item in document.get("resource_changes") or ()
        if item["mode"] == "managed" and (before := item["change"].get("before")) is not None
    )
