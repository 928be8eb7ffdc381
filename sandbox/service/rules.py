"""Owns the rules between resources: references, unique values, nested address blocks, dependents.

Runs inside the caller's transaction, so that what is checked is still true when it is written.
Must not write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from ipaddress import IPv4Network

from sandbox.attributes import Attribute, Value
from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.resource_types.resource_type import ResourceType
from sandbox.service.errors import (
    DependencyViolationError,
    FieldFault,
    InvalidResourceError,
    NameTakenError,
)
from sandbox.service.records import Resource, find_attributes, find_by_attribute

MAX_LISTED_DEPENDENTS = 20


def check_against_others(
    connection: sqlite3.Connection,
    account_id: int,
    resource_type: ResourceType,
    attributes: Mapping[str, Value],
) -> None:
    """Check a new resource against those that exist.

    Raises:
        InvalidResourceError: a reference leads nowhere or contradicts, or address blocks clash.
        NameTakenError: a value that must be unique is taken.
    """
    for attribute in resource_type.attributes:
        if attributes.get(attribute.name) is None:
            continue
        if attribute.reference is not None:
            _check_reference(connection, account_id, attribute, attributes)
        if attribute.unique:
            _check_unique(connection, account_id, resource_type, attribute, attributes)
    for attribute in resource_type.attributes:
        if attribute.within is not None:
            _check_block(connection, account_id, resource_type, attribute, attributes)


def check_no_dependents(
    connection: sqlite3.Connection, account_id: int, resource: Resource
) -> None:
    """Refuse to delete what others refer to.

    Raises:
        DependencyViolationError: lists the resources in the way.
    """
    dependents = [
        f"{other.name} {found_id}"
        for other in RESOURCE_TYPES.values()
        for attribute in other.attributes
        if attribute.reference is not None and attribute.reference.type == resource.type
        for found_id, _ in find_by_attribute(
            connection, account_id, other.name, attribute.name, resource.id
        )
    ]
    if dependents:
        listed = ", ".join(dependents[:MAX_LISTED_DEPENDENTS])
        more = len(dependents) - MAX_LISTED_DEPENDENTS
        raise DependencyViolationError(
            f"{resource.type} {resource.id} is used by {listed}"
            f"{f' and {more} more' if more > 0 else ''}. Delete those first, or use ?force=true "
            "to leave them dangling."
        )


def _check_reference(
    connection: sqlite3.Connection,
    account_id: int,
    attribute: Attribute,
    attributes: Mapping[str, Value],
) -> None:
    reference = attribute.reference
    if reference is None:
        return
    target_id = attributes[attribute.name]
    target = find_attributes(connection, account_id, target_id, reference.type)
    if target is None:
        raise _invalid(attribute, f"there is no {reference.type} {target_id} in this account")
    for name in reference.agrees_on:
        if target[name] != attributes[name]:
            raise _invalid(
                attribute, f"{target_id} has {name} {target[name]}, not {attributes[name]}"
            )


def _check_unique(
    connection: sqlite3.Connection,
    account_id: int,
    resource_type: ResourceType,
    attribute: Attribute,
    attributes: Mapping[str, Value],
) -> None:
    value = attributes[attribute.name]
    taken = find_by_attribute(connection, account_id, resource_type.name, attribute.name, value)
    if taken:
        raise NameTakenError(
            f"{resource_type.name} {taken[0][0]} already has the {attribute.name} {value}. "
            "Choose another, or delete that one."
        )


def _check_block(
    connection: sqlite3.Connection,
    account_id: int,
    resource_type: ResourceType,
    attribute: Attribute,
    attributes: Mapping[str, Value],
) -> None:
    parent_name = str(attribute.within)
    parent_id = attributes[parent_name]
    parent = find_attributes(connection, account_id, parent_id)
    if parent is None:
        return
    block = IPv4Network(str(attributes[attribute.name]))
    if not block.subnet_of(IPv4Network(str(parent["cidr"]))):
        raise _invalid(attribute, f"{block} does not lie in {parent['cidr']} of {parent_id}")
    for sibling_id, sibling in find_by_attribute(
        connection, account_id, resource_type.name, parent_name, parent_id
    ):
        if block.overlaps(IPv4Network(str(sibling[attribute.name]))):
            raise _invalid(
                attribute,
                f"{block} overlaps {sibling[attribute.name]} of {resource_type.name} {sibling_id}",
            )


def _invalid(attribute: Attribute, message: str) -> InvalidResourceError:
    return InvalidResourceError(
        f"{attribute.name} is not possible: {message}.",
        (FieldFault(f"/attributes/{attribute.name}", message),),
    )
