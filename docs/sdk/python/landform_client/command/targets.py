"""What people name on the command line: a stack by name or id, an operation by id or stack."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from landform_client.answers import DONE, FAILED, Operation, Stack
from landform_client.command.connection import chosen_project
from landform_client.command.exits import UsageError

if TYPE_CHECKING:
    from landform_client.client import Landform


def find_stack(landform: Landform, chosen: argparse.Namespace, text: str) -> Stack:
    """Return a stack by id, name or ``kind/name``.

    Raises:
        NotFoundError: there is none.
    """
    _, _, name = text.rpartition("/")
    return landform.stack(name, chosen_project(chosen))


def find_operation(landform: Landform, chosen: argparse.Namespace, text: str) -> Operation:
    """Return an operation by id, or the newest of a stack.

    Raises:
        UsageError: the stack has none.
    """
    if text.startswith("op_"):
        return landform.operation(text)
    stack = find_stack(landform, chosen, text)
    found = next(iter(landform.operations(stack=stack["id"], limit=1)), None)
    if found is None:
        raise UsageError(f"{text} has no operation.")
    return found


def find_open_operation(
    landform: Landform, chosen: argparse.Namespace, text: str, *, is_planned: bool
) -> Operation:
    """Return an operation by id, or the oldest of a stack that has not ended.

    Args:
        landform: the client.
        chosen: the command line.
        text: id or stack.
        is_planned: only one whose plan was made and not applied yet.

    Raises:
        UsageError: the stack has none.
    """
    if text.startswith("op_"):
        return landform.operation(text)
    stack = find_stack(landform, chosen, text)
    filters = {"status": "planned"} if is_planned else {}
    found = [
        item
        for item in landform.operations(stack=stack["id"], **filters)
        if item["status"] not in DONE | FAILED
    ]
    if not found:
        what = "that awaits a decision" if is_planned else "that has not ended"
        raise UsageError(f"{text} has no operation {what}.")
    return found[-1]
