"""Whether a state that was made elsewhere may be taken in: only what a module declares, bounded.

Owns the strict form of a state of version 4 (internal/states/statefile/version4.go). Terraform
matches field names whatever their case and lets a later one win, so every field must be one that
Terraform writes, exactly as it writes it. Pure: it is given bytes, and finds faults with pointers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

from app import exact_json
from app.domain.declared_types import DeclaredTypes
from app.domain.state_errors import StateError
from app.domain.state_instances import (
    MAX_CHECKS,
    Faults,
    find_instance_faults,
    find_unknown,
    is_check_result,
)
from app.domain.state_names import is_name
from app.domain.state_types import conforms, is_type
from app.errors import FieldProblem, ValidationError

MAX_DEPTH = 64
MAX_VALUES = 500_000
MAX_RESOURCES = 5_000
MAX_INSTANCES = 10_000
MAX_OUTPUTS = 200
MAX_PROBLEMS = 20

MODES = ("managed", "data")
STATE_FIELDS = frozenset(
    {"version", "terraform_version", "serial", "lineage", "outputs", "resources", "check_results"}
)
RESOURCE_FIELDS = frozenset({"mode", "type", "name", "each", "module", "provider", "instances"})
PROVIDER = re.compile(r'provider\["([^"]+)"\](?:\.[A-Za-z_][A-Za-z0-9_-]*)?')


def check_uploaded_state(data: bytes, declared: DeclaredTypes, what: str) -> None:
    """Refuse a state that names anything which a module does not declare, or that is misshapen.

    Args:
        data: the bytes of the state, which ``StateFile.parse`` has read.
        declared: what the module of the stack declares on its cloud.
        what: the module in words, such as ``network 1.0.0 on aws``.

    Raises:
        ValidationError: has the pointer of each fault, at most ``MAX_PROBLEMS`` of them.
    """
    document = _load(data)
    problems = tuple(islice(_find_faults(document, declared, what), MAX_PROBLEMS))
    if problems:
        first = problems[0]
        raise ValidationError(f"{first.pointer or 'The state'}: {first.message}", problems=problems)


def check_known_providers(data: bytes, sources: Collection[str]) -> None:
    """Refuse a state that names a provider which its cloud does not declare.

    The last door before Terraform, whatever way a state came.

    Args:
        data: the bytes of a state that ``StateFile.parse`` reads.
        sources: whole addresses of the providers that may be started.

    Raises:
        StateError: names the resource.
    """
    for resource in exact_json.loads(data).get("resources") or ():
        found = PROVIDER.fullmatch(str(resource.get("provider")))
        if found is None or found[1] not in sources:
            address = f"{str(resource.get('type'))[:100]}.{str(resource.get('name'))[:100]}"
            raise StateError(
                f"The state names a provider of {address!r} that its cloud does not declare; "
                "Terraform was not started.",
                advice="Roll back to a state version that Landform's own applies have made.",
            )


def check_declared_address(address: str, declared: DeclaredTypes) -> str | None:
    """Return what is wrong with an address that is to be imported, or nothing.

    Args:
        address: of one instance in the root module, such as ``aws_vpc.main["a"]``.
        declared: what the module declares.
    """
    type_ = address.partition(".")[0]
    return None if type_ in declared.managed else "Its type is none that the blueprint declares."


def _load(data: bytes) -> dict[str, Any]:
    try:
        document = exact_json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except _DoubtfulError as error:
        raise ValidationError.at("", str(error)) from error
    _check_extent(document)
    return dict(document)


class _DoubtfulError(ValueError):
    """Two readers of the same JSON could see two states in it."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DoubtfulError("The state has an object that names a field twice.")
    return found


def _no_constant(word: str) -> Any:
    raise _DoubtfulError(f"The state has the value {word}, which is not JSON.")


def _check_extent(document: Any) -> None:
    """Refuse what is nested too deeply, has too many values, or text that is no Unicode."""
    todo, count = [(document, 1)], 0
    while todo:
        item, depth = todo.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            limit = f"is nested more than {MAX_DEPTH} deep"
            if depth <= MAX_DEPTH:
                limit = f"has more than {MAX_VALUES} values"
            raise ValidationError.at("", f"The state {limit}.")
        if isinstance(item, dict):
            texts: Iterable[str] = item.keys()
            todo.extend((value, depth + 1) for value in item.values())
        else:
            texts = [item] if isinstance(item, str) else []
            todo.extend((value, depth + 1) for value in (item if isinstance(item, list) else ()))
        if any(_is_torn(text) for text in texts):
            raise ValidationError.at("", "The state has text that is not valid Unicode.")


def _is_torn(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _find_faults(document: dict[str, Any], declared: DeclaredTypes, what: str) -> Faults:
    yield from find_unknown(document, STATE_FIELDS, "")
    resources, outputs = _parts(document)
    for pointer, found, limit in (
        ("/resources", resources, MAX_RESOURCES),
        ("/outputs", outputs, MAX_OUTPUTS),
    ):
        if len(found) > limit:
            yield FieldProblem(pointer, f"Has more than {limit} items.")
            return
    if sum(len(item.get("instances") or ()) for item in resources) > MAX_INSTANCES:
        yield FieldProblem("/resources", f"Has more than {MAX_INSTANCES} instances.")
        return
    addresses: set[tuple[Any, ...]] = set()
    for index, resource in enumerate(resources):
        yield from _resource_faults(resource, f"/resources/{index}", declared, what)
        address = tuple(str(resource.get(name)) for name in ("mode", "type", "name"))
        if address in addresses:
            yield FieldProblem(f"/resources/{index}", "Is there twice.")
        addresses.add(address)
    for name, output in outputs.items():
        yield from _output_faults(name, output)
    yield from _check_result_faults(document.get("check_results"))


def _parts(document: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return resources and outputs.

    Raises:
        ValidationError: one of them, or a number, is of another type than Terraform reads.
    """
    resources, outputs = document.get("resources"), document.get("outputs")
    instances = [item.get("instances") for item in resources or ()]
    for pointer, is_good in (
        ("/version", type(document["version"]) is int),
        ("/terraform_version", isinstance(document.get("terraform_version", ""), str)),
        ("/resources", isinstance(resources, list | None)),
        ("/outputs", isinstance(outputs, dict | None)),
        ("/resources", all(isinstance(item, list | None) for item in instances)),
    ):
        if not is_good:
            raise ValidationError.at(pointer, "Is not what Terraform writes.")
    return resources or [], outputs or {}


def _resource_faults(
    resource: dict[str, Any], pointer: str, declared: DeclaredTypes, what: str
) -> Faults:
    yield from find_unknown(resource, RESOURCE_FIELDS, pointer)
    mode, type_ = resource.get("mode"), resource.get("type")
    if mode not in MODES:
        yield FieldProblem(f"{pointer}/mode", "Must be managed or data.")
        return
    providers = declared.of_mode(str(mode)).get(type_) if isinstance(type_, str) else None
    if providers is None:
        message = f"Is no {mode} resource type that {what} declares."
        yield FieldProblem(f"{pointer}/type", message)
    elif str(resource.get("provider")) not in providers:
        names = " or ".join(sorted(providers))
        yield FieldProblem(f"{pointer}/provider", f"Must be {names}.")
    if not is_name(resource.get("name")):
        yield FieldProblem(f"{pointer}/name", "Is no name of a resource.")
    if resource.get("module") not in (None, ""):
        message = f"{what[:1].upper()}{what[1:]} declares no modules."
        yield FieldProblem(f"{pointer}/module", message)
    if resource.get("each") not in (None, "list", "map"):
        yield FieldProblem(f"{pointer}/each", "Must be list or map.")
    seen: set[tuple[Any, ...]] = set()
    for index, instance in enumerate(resource.get("instances") or ()):
        place = f"{pointer}/instances/{index}"
        yield from find_instance_faults(instance, place)
        key, deposed = instance.get("index_key"), instance.get("deposed") or ""
        identity = (type(key).__name__, str(key), str(deposed))
        if identity in seen:
            yield FieldProblem(place, "Is there twice.")
        seen.add(identity)


def _output_faults(name: str, output: dict[str, Any]) -> Faults:
    if not is_name(name):
        yield FieldProblem("/outputs", "Has a name that no output can have.")
        return
    pointer = f"/outputs/{name}"
    yield from find_unknown(output, frozenset({"value", "type", "sensitive"}), pointer)
    if not isinstance(output.get("sensitive", False), bool):
        yield FieldProblem(f"{pointer}/sensitive", "Must be true or false.")
    if not is_type(output.get("type")):
        yield FieldProblem(f"{pointer}/type", "Is no type of an output.")
    elif not conforms(output.get("value"), output["type"]):
        yield FieldProblem(f"{pointer}/value", "Is not of its type.")


def _check_result_faults(results: object) -> Faults:
    if results is None:
        return
    if not isinstance(results, list) or len(results) > MAX_CHECKS:
        yield FieldProblem("/check_results", f"Must be a list of at most {MAX_CHECKS} items.")
        return
    for index, result in enumerate(results):
        if not is_check_result(result):
            yield FieldProblem(f"/check_results/{index}", "Is no result of a check.")
