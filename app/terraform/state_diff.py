"""What differs between two states, resource by resource, with secrets masked; pure.

Owns which part of a state is secret: what Terraform marked, what a name tells (states of older
versions lack the marks of provider schemas), and every copy of either. Values that are secret
never leave here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

from app.domain.redaction import SENSITIVE, Redactor, secret_texts
from app.domain.state_file import StateFile, StateInstance, StateOutput, StateResource
from app.terraform.difference import AttributeChange, Shadows, list_differences, mask
from app.terraform.masking import marked_texts

SECRET_NAME = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|credentials?|(secret|access|api|private)_key)"
    r"(_pem|_json|_base64)?$",
    re.IGNORECASE,
)
# How Terraform writes a value whose type the schema leaves open; marks do not count this level.
DYNAMIC = {"value", "type"}
SIMPLE_TYPES = ("string", "number", "bool", "dynamic")
COMPOUND_TYPES = ("object", "tuple", "list", "set", "map")

Kind = Literal["created", "updated", "deleted"]
Found = tuple[StateResource, StateInstance]


@dataclass(frozen=True)
class ResourceDifference:
    """One instance that is in one state only, or differs. ``attributes`` are masked."""

    address: str
    type: str
    name: str
    mode: str
    change: Kind
    tainted: bool
    attributes: tuple[AttributeChange, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "attributes": [_show(item) for item in self.attributes]}


@dataclass(frozen=True)
class OutputDifference:
    """One root output that differs; sensitive values are masked."""

    name: str
    change: Kind
    before: Any
    after: Any
    sensitive: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class StateDifference:
    """Everything that differs, in the order of addresses and names."""

    resources: tuple[ResourceDifference, ...]
    outputs: tuple[OutputDifference, ...]

    def counts(self) -> dict[str, int]:
        """Return how many managed resources were created, updated, deleted; and how many outputs.

        Data sources own nothing in a cloud and are not counted.
        """
        kinds = [item.change for item in self.resources if item.mode == "managed"]
        counted = {kind: kinds.count(kind) for kind in ("created", "updated", "deleted")}
        return counted | {"outputs": len(self.outputs)}


def compare_states(
    before: StateFile | None, after: StateFile, secrets: Collection[str] = ()
) -> StateDifference:
    """Compare two states.

    Args:
        before: the earlier state, or None to show all of ``after`` as new.
        after: the later state.
        secrets: further texts to mask wherever they occur.
    """
    states = [state for state in (before, after) if state is not None]
    hidden = Redactor({*secrets, *(text for item in states for text in _secret_texts(item))})
    old, new = _instances(before), _instances(after)
    resources = (
        _compare_instances(address, old.get(address), new.get(address), hidden)
        for address in sorted({*old, *new})
    )
    old_outputs = before.outputs if before is not None else {}
    outputs = (
        _compare_outputs(name, old_outputs.get(name), after.outputs.get(name), hidden)
        for name in sorted({*old_outputs, *after.outputs})
    )
    return StateDifference(
        tuple(item for item in resources if item is not None),
        tuple(item for item in outputs if item is not None),
    )


def _instances(state: StateFile | None) -> dict[str, Found]:
    if state is None:
        return {}
    return {
        resource.instance_address(instance): (
            resource,
            replace(instance, attributes=_unwrap(dict(instance.attributes))),
        )
        for resource in state.resources
        for instance in resource.instances
    }


def _unwrap(value: Any) -> Any:
    """Return ``value`` without the types that stand beside values of open type."""
    if isinstance(value, list):
        return [_unwrap(part) for part in value]
    if not isinstance(value, dict):
        return value
    if set(value) == DYNAMIC and _is_type(value["type"]):
        return _unwrap(value["value"])
    return {key: _unwrap(part) for key, part in value.items()}


def _is_type(value: Any) -> bool:
    """Tell whether ``value`` is a type as cty writes it, such as ``["list", "string"]``."""
    if isinstance(value, list):
        return bool(value) and value[0] in COMPOUND_TYPES
    return value in SIMPLE_TYPES


def _compare_instances(
    address: str, old: Found | None, new: Found | None, hidden: Redactor
) -> ResourceDifference | None:
    (resource, instance), *_ = [found for found in (new, old) if found is not None]
    shadows = Shadows(_marks(old[1]) if old else False, _marks(new[1]) if new else False)
    before, after = (found[1].attributes if found else None for found in (old, new))
    changes = tuple(_hide(item, hidden) for item in list_differences(before, after, shadows))
    is_retainted = old is not None and new is not None and old[1].is_tainted != new[1].is_tainted
    if old is not None and new is not None and not changes and not is_retainted:
        return None
    return ResourceDifference(
        address=hidden.text(address),
        type=resource.type,
        name=resource.name,
        mode=resource.mode,
        change=_kind(old, new),
        tainted=instance.is_tainted,
        attributes=changes,
    )


def _compare_outputs(
    name: str, old: StateOutput | None, new: StateOutput | None, hidden: Redactor
) -> OutputDifference | None:
    if old == new:
        return None
    is_sensitive = _is_secret_name(name) or any(item and item.is_sensitive for item in (old, new))
    before, after = (
        hidden.blank(mask(item.value if item else None, is_sensitive)) for item in (old, new)
    )
    return OutputDifference(name, _kind(old, new), before, after, is_sensitive)


def _hide(change: AttributeChange, hidden: Redactor) -> AttributeChange:
    """Mask copies of secrets, also where one became the key of a map."""
    before, after = hidden.blank(change.before), hidden.blank(change.after)
    path = tuple(hidden.blank(list(change.path)))
    is_sensitive = change.is_sensitive or SENSITIVE in secret_texts([before, after, list(path)])
    return replace(change, path=path, before=before, after=after, is_sensitive=is_sensitive)


def _secret_texts(state: StateFile) -> Iterator[str]:
    for _, instance in _instances(state).values():
        yield from marked_texts(instance.attributes, _marks(instance))
    for name, output in state.outputs.items():
        if output.is_sensitive or _is_secret_name(name):
            yield from secret_texts(output.value)


def _marks(instance: StateInstance) -> Any:
    """Return the shadow of the attributes in which ``True`` stands for a secret part."""
    marks = _named(instance.attributes)
    for path in instance.sensitive_paths:
        marks = _merge(marks, _shade(instance.attributes, path))
    return marks


def _named(value: Any) -> Any:
    """Return the shadow that names alone give."""
    if isinstance(value, dict):
        return {key: True if _is_secret_name(key) else _named(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_named(part) for part in value]
    return False


def _shade(value: Any, path: tuple[int | str, ...]) -> Any:
    """Return the shadow that a mark at ``path`` throws; one that leads nowhere covers it all."""
    if not path:
        return True
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and str(key) in value:
        return {str(key): _shade(value[str(key)], rest)}
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return [False] * key + [_shade(value[key], rest)]
    return True


def _merge(one: Any, other: Any) -> Any:
    if one is True or other is True:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _merge(one.get(key), other.get(key)) for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [_merge(*pair) for pair in zip_longest(one, other)]
    return one or other


def _is_secret_name(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def _show(change: AttributeChange) -> dict[str, Any]:
    shown = change.to_dict()
    del shown["forces_replacement"]  # a matter of plans
    return shown


def _kind(old: object, new: object) -> Kind:
    if old is None:
        return "created"
    return "deleted" if new is None else "updated"
