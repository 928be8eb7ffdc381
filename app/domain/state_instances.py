"""Whether one instance of a resource in a state has the form in which Terraform writes it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from app.domain.state_names import (
    BLOCK_ADDRESS,
    DEPOSED_KEY,
    MAX_TEXT,
    is_check_address,
    is_index_key,
    is_plain,
)
from app.domain.state_types import conforms
from app.errors import FieldProblem

MAX_CHECKS = 2_000
MAX_DEPENDENCIES = 500
MAX_ID = 2_048

UNKNOWN_FIELD = "Is no field that Terraform writes."
CHECK_KINDS = ("resource", "output", "check", "var")
CHECK_STATUSES = ("pass", "fail", "error", "unknown")
INSTANCE_FIELDS = frozenset(
    {
        *("index_key", "status", "deposed", "schema_version", "attributes"),
        *("sensitive_attributes", "identity_schema_version", "identity", "private"),
        *("dependencies", "create_before_destroy"),
    }
)

Faults = Iterator[FieldProblem]
Rule = tuple[Callable[[Any], bool], str]


def find_instance_faults(instance: dict[str, Any], pointer: str) -> Faults:
    """Yield what is wrong with an instance that lies at ``pointer``."""
    yield from find_unknown(instance, INSTANCE_FIELDS, pointer)
    for name, (is_good, message) in INSTANCE_RULES.items():
        value = instance.get(name)
        if value is not None and not is_good(value):
            yield FieldProblem(f"{pointer}/{name}", message)
    attributes = instance.get("attributes")
    if not isinstance(attributes, dict):
        yield FieldProblem(f"{pointer}/attributes", "Must be an object.")
        return
    identifier = attributes.get("id")
    if identifier is not None and not (
        isinstance(identifier, str) and identifier and is_plain(identifier, MAX_ID)
    ):
        yield FieldProblem(f"{pointer}/attributes/id", "Is no id of a resource.")


def _is_base64(value: object) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


def _are_dependencies(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_DEPENDENCIES
        and all(BLOCK_ADDRESS.fullmatch(str(item)) is not None for item in value)
    )


def _are_marks(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(path, list) and all(map(_is_step, path)) for path in value
    )


def _is_step(step: object) -> bool:
    if not isinstance(step, dict) or set(step) != {"type", "value"}:
        return False
    value = step["value"]
    if step["type"] == "get_attr":
        return isinstance(value, str)
    if step["type"] != "index" or not isinstance(value, dict) or set(value) != {"value", "type"}:
        return False
    return value["type"] in ("string", "number") and conforms(value["value"], value["type"])


def _is_version(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


INSTANCE_RULES: Mapping[str, Rule] = {
    "index_key": (is_index_key, "Is no key of an instance."),
    "status": (lambda value: value in ("", "tainted"), "Must be tainted, or left out."),
    "deposed": (
        lambda value: value == "" or DEPOSED_KEY.fullmatch(str(value)) is not None,
        "Is no key of a deposed object.",
    ),
    "schema_version": (_is_version, "Is no version of a schema."),
    "identity_schema_version": (_is_version, "Is no version of a schema."),
    "identity": (lambda value: isinstance(value, dict), "Must be an object."),
    "private": (_is_base64, "Must be base64."),
    "dependencies": (_are_dependencies, "Must be addresses of resources."),
    "sensitive_attributes": (_are_marks, "Must be a list of paths."),
    "create_before_destroy": (lambda value: isinstance(value, bool), "Must be true or false."),
}


def is_check_result(result: object) -> bool:
    """Whether this is what Terraform keeps of one check."""
    fields = {"object_kind", "config_addr", "status", "objects"}
    if not isinstance(result, dict) or not set(result) <= fields:
        return False
    objects = result.get("objects") or []
    return (
        result.get("object_kind") in CHECK_KINDS
        and is_check_address(result.get("config_addr"))
        and result.get("status") in CHECK_STATUSES
        and isinstance(objects, list)
        and len(objects) <= MAX_CHECKS
        and all(map(_is_checked_object, objects))
    )


def _is_checked_object(item: object) -> bool:
    if not isinstance(item, dict) or not set(item) <= {"object_addr", "status", "failure_messages"}:
        return False
    messages = item.get("failure_messages") or []
    return (
        is_check_address(item.get("object_addr"))
        and item.get("status") in CHECK_STATUSES
        and isinstance(messages, list)
        and all(isinstance(message, str) for message in messages)
    )


def find_unknown(item: dict[str, Any], known: Collection[str], pointer: str) -> Faults:
    """Yield the first field that Terraform does not write; its name may be anything."""
    for name in item:
        if name not in known:
            shown = name if is_plain(name, MAX_TEXT) and "/" not in name and "~" not in name else ""
            yield FieldProblem(f"{pointer}/{shown}", UNKNOWN_FIELD)
            return
