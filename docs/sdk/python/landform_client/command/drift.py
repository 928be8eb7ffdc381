"""``drift``: what was changed outside Landform, and what to do about it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from landform_client.answers import DriftReport, Stack
from landform_client.command.connection import chosen_project, connect
from landform_client.command.exits import DONE, NOT_SO, UsageError
from landform_client.command.output import Row, one_line, show_data, show_list
from landform_client.command.progress import Followed, follow
from landform_client.command.targets import find_stack
from landform_client.command.terminal import age, in_words, paint, printable
from landform_client.comparison import title_of

if TYPE_CHECKING:
    from landform_client.client import Landform

SIGNS = {"created": "+", "deleted": "-", "updated": "~"}


def drift(chosen: argparse.Namespace) -> int:
    """List the stacks that drifted, or show the drift of one; 1 when there is any."""
    landform = connect(chosen)
    if not chosen.stack:
        if chosen.check or chosen.reconcile or chosen.accept:
            raise UsageError("Name the stack to check, reconcile or accept.")
        return _list(landform, chosen)
    stack = find_stack(landform, chosen, chosen.stack)
    if chosen.check:
        status = _run(landform, chosen, stack, "drift_check", {})
        if status != DONE:
            return status
    report = landform.drift_report(stack)
    if chosen.reconcile or chosen.accept:
        if report is None or report["status"] != "drifted":
            raise UsageError(f"{chosen.stack} has no drift that a check found: give --check, too.")
        operation_type = "reconcile" if chosen.reconcile else "accept_drift"
        return _run(landform, chosen, stack, operation_type, {"report_id": report["id"]})
    return _show(chosen, landform.stack(stack["id"]), report)


def _run(
    landform: Landform,
    chosen: argparse.Namespace,
    stack: Stack,
    operation_type: str,
    options: dict[str, Any],
) -> int:
    operation = landform.start(stack, operation_type, **options)
    return follow(landform, [Followed(chosen.stack, operation)], chosen.timeout)


def _list(landform: Landform, chosen: argparse.Namespace) -> int:
    project = None if chosen.all_projects else chosen_project(chosen)
    items = landform.iterate("/drift", status="drifted", project=project)
    found: list[Stack] = [item["stack"] for item in items]
    titles = ("NAME", "KIND", "SINCE", "CHECKED")
    show_list(chosen.output, found, titles, _row, title_of)
    return NOT_SO if found else DONE


def _row(stack: Stack) -> Row:
    drift = stack["drift"]
    return (stack["name"], stack["kind"], age(drift["since"]), age(drift["checked_at"]))


def _show(chosen: argparse.Namespace, stack: Stack, report: DriftReport | None) -> int:
    status = stack["drift"]["status"]
    is_drifted = status == "drifted"
    if chosen.output in ("json", "yaml"):
        show_data(chosen.output, report)
        return NOT_SO if is_drifted else DONE
    colour = "red" if is_drifted else "green" if status == "in_sync" else "yellow"
    said = paint(in_words(status), colour, sys.stdout)
    more = "since the last apply" if status == "not_checked" else ""
    if not more:
        more = f"(checked {age(stack['drift']['checked_at'])} ago)"
    print(f"{printable(title_of(stack))}: {said} {more}")
    for change in report["changes"] if report and is_drifted else ():
        what = f"{SIGNS.get(change['change'], '?')} {change['type']} {change['name']}"
        print(f"  {printable(what)} {in_words(change['change'])}")
        for item in change["attributes"]:
            before, after = one_line(item["before"]), one_line(item["after"])
            print(f"      {printable(item['path'])}: {before} → {after}")
    return NOT_SO if is_drifted else DONE
