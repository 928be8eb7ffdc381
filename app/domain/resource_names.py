"""By which names a cloud may know a resource, however they are spelled. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

STACK_TAG = "landform:stack"
STACK_KEYS = (STACK_TAG, STACK_TAG.replace(":", "-"))
"""Spellings of the tag: a cloud's labels may have no colon."""

DESCRIBED = re.compile(r"(?:^|\s)landform-stack=([a-z0-9_]{1,40})(?=\s|$)")
"""What a resource that cannot carry tags has in its description."""

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


def described_owners(text: object) -> frozenset[str]:
    """Return the stacks that a description names; no text names none."""
    return frozenset(DESCRIBED.findall(text) if isinstance(text, str) else ())


def owners_within(value: Any) -> frozenset[str]:
    """Return the stacks whose tags stand anywhere in the attributes of a resource.

    Tags are a map, or a list of objects with ``key`` and ``value``; what cannot be tagged has a
    description that says it.
    """
    todo, owners = [value], set[object]()
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            owners.update(item.get(key) for key in STACK_KEYS)
            if item.get("key") in STACK_KEYS:
                owners.add(item.get("value"))
            owners |= described_owners(item.get("description"))
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return frozenset(owner for owner in owners if isinstance(owner, str) and owner)
