"""By which names a cloud may know a resource, however they are spelled. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

STACK_TAG = "landform:stack"
MAX_NAME = 256
PARTS = re.compile(r"[^A-Za-z0-9._-]+")


def spellings(text: str) -> set[str]:
    """Return a name as it is compared: the whole text, and each part of a compound id or ARN."""
    plain = text.strip().rstrip("/").casefold()
    return {plain, *(part for part in PARTS.split(plain) if part)} - {""}


def texts_within(value: Any) -> Iterator[str]:
    """Yield every text within a JSON value that is short enough to be a name."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if len(item) <= MAX_NAME:
                yield item
        elif isinstance(item, Mapping):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


def owners_within(value: Any) -> frozenset[str]:
    """Return the stacks whose tags stand anywhere in the attributes of a resource.

    Tags are a map, or a list of objects with ``key`` and ``value``.
    """
    todo, owners = [value], set()
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            owners.add(item.get(STACK_TAG))
            if item.get("key") == STACK_TAG:
                owners.add(item.get("value"))
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return frozenset(owner for owner in owners if isinstance(owner, str) and owner)
