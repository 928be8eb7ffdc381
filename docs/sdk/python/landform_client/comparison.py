"""What a set of manifests would change: stack by stack, in the order in which it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from landform_client.answers import Kind, Stack
from landform_client.errors import NotFoundError
from landform_client.manifests import StackManifest

HIDDEN = "(sensitive)"


class Action(StrEnum):
    """What happens to one stack."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Difference:
    """One value that differs; ``before`` or ``after`` is ``None`` where there is none."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """What happens to one stack, and why.

    Attributes:
        manifest: as it should be; none where it is deleted.
        stack: as it is; none where it is made.
        body: what a request has to say to change it.
        problem: why it is refused.
        unknown: sensitive parameters, which cannot be compared since Landform never shows them.
    """

    action: Action
    title: str
    project: str
    manifest: StackManifest | None = None
    stack: Stack | None = None
    differences: list[Difference] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    unknown: list[str] = field(default_factory=list)


def compare(
    manifests: Iterable[StackManifest],
    stacks: Mapping[tuple[str, str], Stack],
    kind_of: Callable[[str], Kind],
    *,
    send_sensitive: bool = False,
) -> list[Change]:
    """Return what each manifest would change, those that others refer to first.

    Args:
        manifests: as it should be.
        stacks: what there is, by project and name.
        kind_of: finds a kind by its name.
        send_sensitive: also send the sensitive parameters of stacks that exist, which cannot be
            compared since Landform never shows them.
    """
    kinds: dict[str, Kind | None] = {}
    ordered = list(manifests)
    for manifest in ordered:
        if manifest.kind not in kinds:
            try:
                kinds[manifest.kind] = kind_of(manifest.kind)
            except NotFoundError:
                kinds[manifest.kind] = None
    return [
        _compare_one(
            item, stacks.get((item.project, item.name)), kinds[item.kind], send=send_sensitive
        )
        for item in _in_order(ordered, kinds)
    ]


def find_pruned(
    manifests: Iterable[StackManifest], stacks: Iterable[Stack], labels: Mapping[str, str]
) -> list[Change]:
    """Return the stacks that carry all ``labels`` and no manifest names, their users first."""
    kept = {(item.project, item.name) for item in manifests}
    pruned = {
        stack["id"]: stack
        for stack in stacks
        if (stack["project"]["name"], stack["name"]) not in kept
        and labels.items() <= stack["labels"].items()
    }
    ordered: list[Stack] = []
    while pruned:
        free = [item for item in pruned.values() if not _users(item) & set(pruned)]
        ordered += [pruned.pop(stack["id"]) for stack in free or list(pruned.values())]
    return [
        Change(Action.DELETE, title_of(stack), stack["project"]["name"], stack=stack)
        for stack in ordered
    ]


def title_of(stack: Stack) -> str:
    """Return a stack as people name it: ``network/web``."""
    return f"{stack['kind']}/{stack['name']}"


def users_of(stack: Stack) -> set[str]:
    """Return the ids of the stacks that use a stack."""
    return _users(stack)


def _users(stack: Stack) -> set[str]:
    return {item["id"] for item in stack["references"]["used_by"]}


def _in_order(
    manifests: list[StackManifest], kinds: Mapping[str, Kind | None]
) -> list[StackManifest]:
    """Put what others refer to first; a circle, which Landform refuses, stays as it is."""
    by_name = {(item.project, item.name): item for item in manifests}
    ordered: dict[tuple[str, str], StackManifest] = {}
    visiting: set[tuple[str, str]] = set()

    def visit(key: tuple[str, str]) -> None:
        if key in ordered or key in visiting:
            return
        visiting.add(key)
        item = by_name[key]
        for name in _referred(item, kinds[item.kind]):
            if (item.project, name) in by_name:
                visit((item.project, name))
        ordered[key] = item

    for key in by_name:
        visit(key)
    return list(ordered.values())


def _referred(manifest: StackManifest, kind: Kind | None) -> list[str]:
    names: list[str] = []
    for parameter in kind["references"] if kind else ():
        value = manifest.parameters.get(parameter)
        names += [item for item in (value if isinstance(value, list) else [value]) if item]
    return names


def _compare_one(
    manifest: StackManifest,
    stack: Stack | None,
    kind: Kind | None,
    *,
    send: bool,
) -> Change:
    title, project = manifest.title, manifest.project
    if kind is None:
        return _refused(manifest, stack, f"there is no kind {manifest.kind}")
    problem = _problem(manifest, stack, kind)
    if problem:
        return _refused(manifest, stack, problem)
    if stack is None:
        after = [Difference(f"parameters.{k}", None, v) for k, v in _shown(manifest, kind).items()]
        return Change(Action.CREATE, title, project, manifest, differences=after)
    parameters = _changed_parameters(manifest, stack, kind)
    differences = [
        Difference(f"parameters.{name}", _known(stack, name), value)
        for name, value in parameters.items()
    ]
    immutable = [name for name in parameters if _property(kind, name).get("x-immutable")]
    if immutable:
        problem = f"{immutable[0]} cannot change later: delete the stack and make it again"
        return _refused(manifest, stack, problem, differences)
    unknown = sorted(_sensitive(kind) & set(manifest.parameters))
    if unknown and send:
        parameters |= {name: manifest.parameters[name] for name in unknown}
        differences += [Difference(f"parameters.{name}", HIDDEN, HIDDEN) for name in unknown]
    body: dict[str, Any] = {"parameters": parameters} if parameters else {}
    others, more = _changed_settings(manifest, stack)
    body |= others
    action = Action.CHANGE if body else Action.UNCHANGED
    return Change(
        action, title, project, manifest, stack, differences + more, body, unknown=unknown
    )


def _changed_settings(
    manifest: StackManifest, stack: Stack
) -> tuple[dict[str, Any], list[Difference]]:
    body: dict[str, Any] = {}
    differences: list[Difference] = []
    if manifest.labels != stack["labels"]:
        body["labels"] = manifest.labels
        differences += _each("labels", stack["labels"], manifest.labels)
    for name, value in manifest.settings.items():
        before = stack.get(name)
        if not _contains(before, value):
            body[name] = value
            differences.append(Difference(name, _part(before, value), value))
    return body, differences


def _refused(
    manifest: StackManifest,
    stack: Stack | None,
    problem: str,
    differences: list[Difference] | None = None,
) -> Change:
    return Change(
        Action.REFUSED,
        manifest.title,
        manifest.project,
        manifest,
        stack,
        differences or [],
        problem=problem,
    )


def _problem(manifest: StackManifest, stack: Stack | None, kind: Kind) -> str:
    """Return why it cannot be done, as far as that can be seen from here."""
    known = kind["parameters"].get("properties", {})
    unknown = sorted(set(manifest.parameters) - set(known))
    if unknown and kind["parameters"].get("additionalProperties") is False:
        return f"{kind['kind']} has no parameter {unknown[0]}; it has {', '.join(known)}"
    return "" if stack is None else _problem_of_change(manifest, stack, kind)


def _problem_of_change(manifest: StackManifest, stack: Stack, kind: Kind) -> str:
    if stack["kind"] != kind["kind"]:
        return f"{stack['name']} is a {stack['kind']} already; choose another name"
    if stack["status"] == "deleting":
        return f"{stack['name']} is being deleted; wait until it is gone"
    if manifest.cloud_account not in stack["cloud_account"].values():
        return f"it is on the cloud account {stack['cloud_account']['name']} and cannot move"
    if manifest.region not in (None, stack["region"]):
        return f"it is in the region {stack['region']} and cannot move"
    return ""


def _changed_parameters(manifest: StackManifest, stack: Stack, kind: Kind) -> dict[str, Any]:
    """Return the parameters to send: those that differ, and null for what is the default again."""
    names = {item["id"]: item["name"] for item in stack["references"]["uses"]}
    defaults = _defaults(kind)
    changed: dict[str, Any] = {}
    for name in kind["parameters"].get("properties", {}):
        if name in _sensitive(kind):
            continue
        given = manifest.parameters.get(name)
        wanted = defaults.get(name) if given is None else _complete(_property(kind, name), given)
        present = stack["parameters"].get(name)
        if name in kind["references"]:
            wanted, present = _named(wanted, names), _named(present, names)
        if wanted != present:
            changed[name] = given
    return changed


def _known(stack: Stack, name: str) -> Any:
    value = stack["parameters"].get(name)
    names = {item["id"]: item["name"] for item in stack["references"]["uses"]}
    return _named(value, names)


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Write references by name, so that one by id is the same."""
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _property(kind: Kind, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = kind["parameters"].get("properties", {}).get(name, {})
    return found


def _defaults(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = _complete(kind["parameters"], {})
    return found


def _complete(schema: Mapping[str, Any], value: Any) -> Any:
    """Fill in the defaults that JSON Schema names, as Landform does."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        defaults = {name: item["default"] for name, item in known.items() if "default" in item}
        return {k: _complete(known.get(k, {}), v) for k, v in {**defaults, **value}.items()}
    if isinstance(value, list):
        return [_complete(schema.get("items", {}), item) for item in value]
    return value


def _sensitive(kind: Kind) -> set[str]:
    known = kind["parameters"].get("properties", {})
    return {name for name, item in known.items() if item.get("x-sensitive")}


def _shown(manifest: StackManifest, kind: Kind) -> dict[str, Any]:
    hidden = _sensitive(kind)
    return {k: HIDDEN if k in hidden else v for k, v in manifest.parameters.items()}


def _each(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(f"{path}.{name}", before.get(name), after.get(name))
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]


def _contains(before: Any, after: Any) -> bool:
    """Tell whether everything that ``after`` names is so; settings show more than one sets."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in before and _contains(before[name], after[name]) for name in after)
    return bool(before == after) or _is_same_time(before, after)


def _is_same_time(before: Any, after: Any) -> bool:
    try:
        return datetime.fromisoformat(before) == datetime.fromisoformat(after)
    except (TypeError, ValueError):
        return False


def _part(before: Any, after: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        return {name: before.get(name) for name in after}
    return before
