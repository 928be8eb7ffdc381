"""``get``, ``outputs`` and ``open``: what there is."""

from __future__ import annotations

import argparse
import itertools
import sys
import webbrowser
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from landform_client.command.connection import chosen_project, connect
from landform_client.command.exits import DONE, UsageError
from landform_client.command.output import Row, one_line, show_data, show_list
from landform_client.command.progress import describe_plan
from landform_client.command.targets import find_operation, find_stack
from landform_client.command.terminal import age, in_words, print_table

if TYPE_CHECKING:
    from landform_client.client import Landform

Shown = tuple[Sequence[str], Callable[[Any], Row], Callable[[Any], str]]


def _stack_row(stack: Any) -> Row:
    drift = in_words(stack["drift"]["status"])
    where = (stack["cloud_account"]["name"], stack["region"])
    status = in_words(stack["status"])
    return (stack["name"], stack["kind"], status, drift, *where, age(stack["created_at"]))


def _operation_row(operation: Any) -> Row:
    plan = describe_plan(operation) if operation["plan"] else "-"
    asked = (operation["requested_by"], age(operation["created_at"]))
    words = (in_words(operation["type"]), in_words(operation["status"]))
    return (operation["id"], *words, plan, *asked)


STACKS: Shown = (
    ("NAME", "KIND", "STATUS", "DRIFT", "ACCOUNT", "REGION", "AGE"),
    _stack_row,
    lambda stack: f"{stack['kind']}/{stack['name']}",
)
OPERATIONS: Shown = (
    ("OPERATION", "TYPE", "STATUS", "PLAN", "REQUESTED BY", "AGE"),
    _operation_row,
    lambda operation: str(operation["id"]),
)


@dataclass(frozen=True)
class Noun:
    """Something else that can be listed."""

    path: str
    titles: Sequence[str]
    members: Sequence[str]

    @property
    def shown(self) -> Shown:
        """How it is shown."""
        return self.titles, self._row, lambda item: str(item[self.members[0]])

    def _row(self, item: Any) -> Row:
        return [self._cell(item[member]) for member in self.members]

    @staticmethod
    def _cell(value: Any) -> object:
        if isinstance(value, list):
            names = (item["name"] if isinstance(item, dict) else str(item) for item in value)
            return ", ".join(names)
        return "-" if value is None else value


NOUNS = {
    "kinds": Noun(
        "/kinds", ("KIND", "VERSION", "TITLE", "CLOUDS"), ("kind", "version", "title", "clouds")
    ),
    "clouds": Noun(
        "/clouds", ("CLOUD", "TITLE", "REGIONS", "SIZES"), ("name", "title", "regions", "sizes")
    ),
    "accounts": Noun(
        "/cloud-accounts",
        ("ACCOUNT", "CLOUD", "REGIONS", "DEFAULT REGION"),
        ("name", "cloud", "regions", "default_region"),
    ),
    "projects": Noun(
        "/projects", ("PROJECT", "TITLE", "AUTO APPLY"), ("name", "title", "auto_apply")
    ),
}


def get(chosen: argparse.Namespace) -> int:
    """List things, or show one."""
    landform = connect(chosen)
    shown, items = _find(landform, chosen)
    found = list(itertools.islice(items, chosen.limit))
    is_single = bool(chosen.name) or chosen.what.startswith(("op_", "stk_"))
    if is_single and chosen.output in ("json", "yaml"):
        show_data(chosen.output, found[0])
    else:
        show_list(chosen.output, found, *shown)
    return DONE


def _find(landform: Landform, chosen: argparse.Namespace) -> tuple[Shown, Iterable[Any]]:
    what, _, name = chosen.what.partition("/")
    chosen.name = chosen.name or name
    if what.startswith("op_"):
        return OPERATIONS, [landform.operation(what)]
    if what.startswith("stk_"):
        return STACKS, [landform.stack(what)]
    if what in ("operations", "operation"):
        return OPERATIONS, _find_operations(landform, chosen)
    noun = NOUNS.get(what) or NOUNS.get(f"{what}s")
    if noun is not None:
        return noun.shown, _find_of(landform, noun, chosen.name)
    return STACKS, _find_stacks(landform, chosen, what)


def _find_operations(landform: Landform, chosen: argparse.Namespace) -> Iterable[Any]:
    if chosen.name:
        return [find_operation(landform, chosen, chosen.name)]
    stack = find_stack(landform, chosen, chosen.stack)["id"] if chosen.stack else None
    return landform.operations(status=chosen.status, stack=stack)


def _find_of(landform: Landform, noun: Noun, name: str) -> list[Any]:
    items = landform.iterate(noun.path)
    found = [item for item in items if not name or item[noun.members[0]] == name]
    if name and not found:
        raise UsageError(f"There is no {noun.titles[0].lower()} {name}.")
    return found


def _find_stacks(landform: Landform, chosen: argparse.Namespace, what: str) -> Iterable[Any]:
    if chosen.name:
        stack = find_stack(landform, chosen, chosen.name)
        if what not in ("stack", "stacks") and stack["kind"] != landform.kind(what)["kind"]:
            raise UsageError(f"{stack['name']} is a {stack['kind']}.")
        return [stack]
    filters = {name: getattr(chosen, name) for name in ("status", "drift")}
    filters["project"] = None if chosen.all_projects else chosen_project(chosen)
    filters["label"] = chosen.label
    if what not in ("stack", "stacks"):
        filters["kind"] = landform.kind(what)["kind"]
    return landform.stacks(**filters)


def outputs(chosen: argparse.Namespace) -> int:
    """Show the outputs of a stack, or one of them as it is."""
    landform = connect(chosen)
    found = landform.outputs(find_stack(landform, chosen, chosen.stack))
    if chosen.name:
        if chosen.name not in found:
            raise UsageError(f"There is no output {chosen.name}. There are: {', '.join(found)}.")
        if chosen.output == "table":
            print(one_line(found[chosen.name]))
        else:
            show_data("yaml" if chosen.output == "yaml" else "json", found[chosen.name])
    elif chosen.output == "name":
        print(*found, sep="\n")
    elif chosen.output == "table":
        print_table(("OUTPUT", "VALUE"), [(name, one_line(found[name])) for name in found])
    else:
        show_data(chosen.output, found)
    return DONE


def open_page(chosen: argparse.Namespace) -> int:
    """Open a page of the console in the browser, and print its address."""
    landform = connect(chosen)
    page = "/"
    if chosen.target and chosen.target.startswith("op_"):
        page = landform.operation(chosen.target)["links"]["page"]
    elif chosen.target:
        page = find_stack(landform, chosen, chosen.target)["links"]["page"]
    address = f"{landform.url}{page}"
    print(address)
    if not chosen.print_only and sys.stdout.isatty():
        webbrowser.open(address)
    return DONE
