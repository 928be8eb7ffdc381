"""Owns the check of a request's attributes and tags against the type's description.

Pure: looks at the request and, for a change, at the resource itself. What depends on other
resources is in `rules`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.attributes import Attribute, Value, find_fault, is_storable_text
from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.resource_types.resource_type import ResourceType
from sandbox.service.errors import FieldFault, ImmutableAttributeError, InvalidResourceError

MAX_TAGS = 50
MAX_TAG_KEY_LENGTH = 128
MAX_TAG_VALUE_LENGTH = 256


def get_type(name: str) -> ResourceType:
    """Find a resource type.

    Raises:
        InvalidResourceError: there is none of this name; the message lists those there are.
    """
    found = RESOURCE_TYPES.get(name)
    if found is None:
        known = ", ".join(sorted(RESOURCE_TYPES))
        raise InvalidResourceError(
            f"There is no resource type of this name. Known types: {known}.",
            (FieldFault("/type", f"must be one of {known}"),),
        )
    return found


def complete_attributes(
    resource_type: ResourceType, given: Mapping[str, object]
) -> dict[str, Value]:
    """Check the attributes of a new resource and add the defaults; computed ones are left out.

    Raises:
        InvalidResourceError: with one fault for each attribute that is unknown, wrong or missing.
    """
    _refuse(resource_type, _find_faults(resource_type, given) + _find_missing(resource_type, given))
    return {
        attribute.name: _as_value(given.get(attribute.name, attribute.default))
        for attribute in resource_type.attributes
        if attribute.computed is None
    }


def check_change(
    resource_type: ResourceType, current: Mapping[str, Value], given: Mapping[str, object]
) -> dict[str, Value]:
    """Check the attributes that a change sets, and return them.

    Raises:
        InvalidResourceError: an attribute is unknown, its value wrong, or smaller than it may be.
        ImmutableAttributeError: an immutable attribute would get another value.
    """
    _refuse(resource_type, _find_faults(resource_type, given))
    changed = {name: _as_value(value) for name, value in given.items()}
    _refuse(resource_type, _find_shrunk(resource_type, current, changed))
    faults = tuple(
        FieldFault(f"/attributes/{attribute.name}", "cannot be changed after creation")
        for attribute in resource_type.attributes
        if attribute.immutable
        and attribute.name in changed
        and changed[attribute.name] != current.get(attribute.name)
    )
    if faults:
        raise ImmutableAttributeError(
            f"A {resource_type.name} cannot change these attributes. Make a new one instead.",
            faults,
        )
    return changed


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Check a whole map of tags.

    Raises:
        InvalidResourceError: too many tags, or a key or value that cannot be a tag.
    """
    faults = [
        FieldFault(f"/tags/{key[:MAX_TAG_KEY_LENGTH]}", message)
        for key, value in tags.items()
        if (message := _find_tag_fault(key, value)) is not None
    ]
    if len(tags) > MAX_TAGS:
        faults.append(FieldFault("/tags", f"must have at most {MAX_TAGS} tags"))
    if faults:
        raise InvalidResourceError("The tags are not valid.", tuple(faults))
    return dict(tags)


def _find_tag_fault(key: str, value: str) -> str | None:
    if not 1 <= len(key) <= MAX_TAG_KEY_LENGTH or "=" in key:
        return f"the key must have 1 to {MAX_TAG_KEY_LENGTH} characters and no ="
    if len(value) > MAX_TAG_VALUE_LENGTH:
        return f"the value must have at most {MAX_TAG_VALUE_LENGTH} characters"
    if not is_storable_text(key + value):
        return "must be valid Unicode without NUL characters"
    return None


def _find_faults(resource_type: ResourceType, given: Mapping[str, object]) -> list[FieldFault]:
    known = {attribute.name: attribute for attribute in resource_type.attributes}
    faults = []
    for name, value in given.items():
        message = _find_attribute_fault(known.get(name), value)
        if message is not None:
            faults.append(FieldFault(f"/attributes/{name[:80]}", message))
    return faults


def _find_attribute_fault(attribute: Attribute | None, value: object) -> str | None:
    return "is not an attribute of this type" if attribute is None else find_fault(attribute, value)


def _find_missing(resource_type: ResourceType, given: Mapping[str, object]) -> list[FieldFault]:
    return [
        FieldFault(f"/attributes/{attribute.name}", "is required")
        for attribute in resource_type.attributes
        if attribute.required and attribute.name not in given
    ]


def _find_shrunk(
    resource_type: ResourceType, current: Mapping[str, Value], changed: Mapping[str, Value]
) -> list[FieldFault]:
    faults = []
    for attribute in resource_type.attributes:
        before, after = current.get(attribute.name), changed.get(attribute.name)
        if attribute.can_shrink or not (isinstance(before, int) and isinstance(after, int)):
            continue
        if after < before:
            message = f"cannot become smaller than it is ({before})"
            faults.append(FieldFault(f"/attributes/{attribute.name}", message))
    return faults


def _refuse(resource_type: ResourceType, faults: list[FieldFault]) -> None:
    if faults:
        raise InvalidResourceError(
            f"The attributes do not describe a {resource_type.name}.", tuple(faults)
        )


def _as_value(value: object) -> Value:
    """Narrow the type of a value that `find_fault` has accepted."""
    if value is None or isinstance(value, str | int | bool):
        return value
    raise TypeError(f"not an attribute value: {type(value).__name__}")
