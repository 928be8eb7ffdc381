"""What makes two sightings of drift the same story, the same cause, the same drift. Pure rules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app import exact_json
from app.domain.drift import ChangeKind

PLAIN_NAMES = ("this", "main")
_POSITION = re.compile(r"\[\d+\]")


def neutral_name(resource_type: str, name: str = "", key: int | str | None = None) -> str:
    """Return a name without the provider's prefix, such as ``subnet eu-west-a``.

    Args:
        resource_type: Terraform's word, such as ``sandbox_subnet``.
        name: the name of the block; one that says nothing is left out.
        key: the index of the instance, if it has one.
    """
    _, _, rest = resource_type.partition("_")
    words = [(rest or resource_type).replace("_", " ")]
    if name not in ("", *PLAIN_NAMES):
        words.append(name)
    if key is not None:
        words.append(str(key))
    return " ".join(words)


def changed_paths(change: Mapping[str, Any]) -> list[str]:
    """Return the attribute paths that tell one change from another; only updates have any.

    All attributes of a deleted resource are gone, which says no more than that it was deleted.
    """
    if change["change"] != ChangeKind.UPDATED:
        return []
    return sorted({str(item["path"]) for item in change["attributes"]})


def story_key(change: Mapping[str, Any]) -> str:
    """Return what makes a change the same story: where, what kind, which attributes."""
    place = change.get("address") or change.get("resource_id")
    return _hash([place, change["change"], changed_paths(change)])


def cause_paths(paths: Iterable[str]) -> list[str]:
    """Return paths without positions in lists, so that the same change elsewhere looks alike."""
    return sorted({_POSITION.sub("[*]", path) for path in paths})


def cause_key(cloud: str, change: Mapping[str, Any]) -> str:
    """Return what changes of different stacks share that probably have one cause."""
    return _hash([cloud, change["type"], cause_paths(changed_paths(change)), change["change"]])


def values_digest(change: Mapping[str, Any]) -> str:
    """Return a digest of the values that differ; it changes when the same attribute moves on."""
    return _hash(_values(change))


def drift_digest(changes: Sequence[Mapping[str, Any]]) -> str:
    """Return a digest of what an apply or a refresh would meet: all but what was created outside.

    Values are masked, so one secret value instead of another makes no difference here.
    """
    met = [item for item in changes if item["change"] != ChangeKind.CREATED]
    return _hash(sorted(([item["address"], *_values(item)] for item in met), key=exact_json.dumps))


def _values(change: Mapping[str, Any]) -> list[Any]:
    values = [[item["path"], item["before"], item["after"]] for item in change["attributes"]]
    return [change["change"], sorted(values, key=lambda item: str(item[0]))]


def _hash(value: Any) -> str:
    text = exact_json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
