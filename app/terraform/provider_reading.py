"""What a provider is asked to read, and the words in which a worker has the pool ask it; pure.

A reading is a digest of what the provider answered for every resource of a state. It says nothing
but "the same as then"; what then was, only Terraform can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.domain.state_file import StateFile, StateResource


@dataclass(frozen=True)
class RecordedResource:
    """One resource as the state holds it, secrets included.

    Args:
        type: Terraform's type of the resource.
        schema_version: of the provider's schema that wrote ``attributes``.
        attributes: a JSON object.
        private: the provider's own notes, base64 as the state has them.
        moving: attributes that the cloud changes by itself; no reading has them.
    """

    type: str
    schema_version: int
    attributes: str = field(repr=False)
    private: str = field(repr=False)
    moving: tuple[str, ...] = ()


def readable_resources(
    state: StateFile, source: str, moving: Mapping[str, Collection[str]]
) -> tuple[RecordedResource, ...] | None:
    """Return every resource of a state for one provider to read, or None when it cannot be.

    Not those of several providers or of another configuration of the provider (an alias), no
    object that Terraform means to delete or to replace, and no state without a resource.

    Args:
        state: the state of record.
        source: address of the provider, such as ``registry.terraform.io/hashicorp/aws``.
        moving: attributes that the cloud changes by itself, by type of resource.
    """
    found = []
    for resource in state.resources:
        if resource.mode != "managed":
            continue
        if resource.provider != f'provider["{source}"]':
            return None
        of_block = _instances(resource, tuple(sorted(moving.get(resource.type, ()))))
        if of_block is None:
            return None
        found.extend(of_block)
    return tuple(found) or None


def _instances(resource: StateResource, moving: tuple[str, ...]) -> list[RecordedResource] | None:
    found = []
    for instance in resource.instances:
        if instance.is_tainted or instance.deposed_key is not None or instance.is_flat:
            return None
        attributes = exact_json.dumps(
            instance.attributes, ensure_ascii=False, separators=(",", ":")
        )
        version, private = instance.schema_version, instance.private
        found.append(RecordedResource(resource.type, version, attributes, private, moving))
    return found


def request_line(resources: Sequence[RecordedResource]) -> bytes:
    """Return the wish to have ``resources`` read, as it travels."""
    rows = [
        [item.type, item.schema_version, item.attributes, item.private, [*item.moving]]
        for item in resources
    ]
    return exact_json.dumps({"read": rows}).encode() + b"\n"


def parse_request(line: bytes) -> tuple[RecordedResource, ...]:
    """Rebuild what ``request_line`` was given.

    Raises:
        ValueError: it is no such wish.
    """
    words = exact_json.loads(line)
    rows = words.get("read") if isinstance(words, dict) else None
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise ValueError("This is no wish to have resources read.")
    return tuple(
        RecordedResource(kind, version, attributes, private, tuple(moving))
        for kind, version, attributes, private, moving in rows
    )


def reading_line(reading: str | None) -> bytes:
    """Return the pool's answer: a digest, or None when the provider did not answer for all."""
    return exact_json.dumps({"reading": reading}).encode() + b"\n"


def parse_reading(line: bytes) -> str | None:
    """Return what ``reading_line`` was given.

    Raises:
        ValueError: it is no such answer.
    """
    words = exact_json.loads(line)
    reading = words.get("reading", "") if isinstance(words, dict) else ""
    if reading is not None and not (isinstance(reading, str) and reading):
        raise ValueError("This is no reading.")
    return reading


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or [type(item) for item in row] != [str, int, str, str, list]:
        return False
    return all(isinstance(name, str) for name in row[4])
