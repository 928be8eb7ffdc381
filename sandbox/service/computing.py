"""Owns the values of computed attributes: one function for each kind of computation.

Runs inside the caller's transaction (an address is free only as long as nobody else takes it).
Must not write.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from sandbox.attributes import (
    AllocatedAddress,
    CertificateAuthority,
    Computation,
    Digest,
    FirstAddress,
    GeneratedSecret,
    Template,
    Value,
)
from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.resource_types.resource_type import ResourceType
from sandbox.service.authorities import make_authority
from sandbox.service.errors import AddressesExhaustedError
from sandbox.service.records import find_attributes, find_by_attribute

SECRET_BYTES = 32


def compute_new(
    connection: sqlite3.Connection,
    account_id: int,
    resource_type: ResourceType,
    attributes: Mapping[str, Value],
) -> dict[str, Value]:
    """Return all computed attributes of a new resource.

    Raises:
        AddressesExhaustedError: no address is free.
    """
    computed: dict[str, Value] = {}
    for attribute in resource_type.attributes:
        if isinstance(attribute.computed, AllocatedAddress):
            computed[attribute.name] = _allocate_address(
                connection, account_id, attribute.computed, attributes
            )
        elif isinstance(attribute.computed, CertificateAuthority):
            computed[attribute.name] = make_authority(str(attributes["name"]))
        elif isinstance(attribute.computed, GeneratedSecret):
            computed[attribute.name] = secrets.token_urlsafe(SECRET_BYTES)
        elif attribute.computed is not None:
            computed[attribute.name] = _derive(attribute.computed, attributes)
    return computed


def compute_changed(
    resource_type: ResourceType, current: Mapping[str, Value], changed: Mapping[str, Value]
) -> dict[str, Value]:
    """Return the computed attributes that depend on what a change sets."""
    attributes = {**current, **changed}
    return {
        attribute.name: _derive(attribute.computed, attributes)
        for attribute in resource_type.attributes
        if attribute.computed is not None and set(attribute.computed.sources) & set(changed)
    }


def _derive(computation: Computation, attributes: Mapping[str, Value]) -> Value:
    if isinstance(computation, Template):
        return computation.text.format_map(attributes)
    if isinstance(computation, FirstAddress):
        return str(IPv4Network(str(attributes[computation.cidr])).network_address + 1)
    if isinstance(computation, Digest):
        secret = attributes[computation.source]
        return None if secret is None else hashlib.sha256(str(secret).encode()).hexdigest()
    raise TypeError(f"{type(computation).__name__} is given once, at creation")


def _allocate_address(
    connection: sqlite3.Connection,
    account_id: int,
    computation: AllocatedAddress,
    attributes: Mapping[str, Value],
) -> Value:
    """Choose the lowest free address of the first container that is set.

    The network address, the gateway (first address) and the broadcast address are never given.
    """
    name = next(name for name in computation.references if attributes.get(name) is not None)
    container_id = attributes[name]
    container = find_attributes(connection, account_id, container_id)
    if container is None:
        raise AddressesExhaustedError(f"{container_id} no longer exists, so it has no addresses.")
    block = IPv4Network(str(container["cidr"]))
    inner = _list_inner_blocks(connection, account_id, container_id)
    taken = _list_taken_addresses(connection, account_id, name, container_id)
    address = find_free_address(block, inner, taken)
    if address is None:
        raise AddressesExhaustedError(
            f"All addresses of {block} ({container_id}) are taken. Delete machines, or use a "
            "larger block."
        )
    return str(address)


def find_free_address(
    block: IPv4Network, inner: Iterable[IPv4Network], taken: Iterable[IPv4Address]
) -> IPv4Address | None:
    """Return the lowest usable address of a block that is not taken and in no inner block."""
    used = set(taken)
    last_of_inner = sorted((int(b.network_address), int(b.broadcast_address)) for b in inner)
    candidate = int(block.network_address) + 2
    while candidate < int(block.broadcast_address):
        jump = next((last for first, last in last_of_inner if first <= candidate <= last), None)
        if jump is not None:
            candidate = jump
        elif IPv4Address(candidate) not in used:
            return IPv4Address(candidate)
        candidate += 1
    return None


def _list_inner_blocks(
    connection: sqlite3.Connection, account_id: int, container_id: Value
) -> list[IPv4Network]:
    return [
        IPv4Network(str(found[attribute.name]))
        for other in RESOURCE_TYPES.values()
        for attribute in other.attributes
        if attribute.within is not None
        for _, found in find_by_attribute(
            connection, account_id, other.name, attribute.within, container_id
        )
    ]


def _list_taken_addresses(
    connection: sqlite3.Connection, account_id: int, reference: str, container_id: Value
) -> list[IPv4Address]:
    return [
        IPv4Address(str(found[attribute.name]))
        for other in RESOURCE_TYPES.values()
        for attribute in other.attributes
        if isinstance(attribute.computed, AllocatedAddress)
        and reference in attribute.computed.references
        for _, found in find_by_attribute(
            connection, account_id, other.name, reference, container_id
        )
    ]
