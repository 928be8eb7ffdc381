"""``apply`` and ``diff``: have the stacks be as manifests say."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from landform_client.answers import Accepted, Stack
from landform_client.command import exits
from landform_client.command.changing import read_pairs
from landform_client.command.connection import chosen_project, connect
from landform_client.command.deleting import ask_to_delete, delete_all
from landform_client.command.exits import UsageError
from landform_client.command.output import one_line, show_data
from landform_client.command.progress import Followed, follow
from landform_client.command.terminal import confirm, may_ask, paint, printable, say
from landform_client.comparison import Action, Change, compare, find_pruned
from landform_client.errors import ChangedMeanwhileError
from landform_client.manifests import StackManifest, read_manifests

if TYPE_CHECKING:
    from landform_client.client import Landform

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.REFUSED: ("!", "red"),
    Action.UNCHANGED: (" ", "dim"),
}


def apply(chosen: argparse.Namespace) -> int:
    """Show what manifests would change, ask on a terminal, and do it."""
    landform = connect(chosen)
    changes = _plan(landform, chosen)
    _show(chosen, changes)
    wanted = [change for change in changes if change.action is not Action.UNCHANGED]
    if any(change.action is Action.REFUSED for change in wanted):
        say("Nothing was done: correct what is refused first.")
        return exits.REFUSED
    if not wanted or chosen.dry_run:
        return exits.DONE
    if not chosen.yes and may_ask() and not confirm("Do this?"):
        say("Nothing was done.")
        return exits.USAGE
    return _carry_out(landform, chosen, wanted)


def diff(chosen: argparse.Namespace) -> int:
    """Show what manifests would change; 1 when there is anything."""
    changes = _plan(connect(chosen), chosen)
    _show(chosen, changes)
    actions = {change.action for change in changes}
    if Action.REFUSED in actions:
        return exits.REFUSED
    return exits.NOT_SO if actions - {Action.UNCHANGED} else exits.DONE


def _plan(landform: Landform, chosen: argparse.Namespace) -> list[Change]:
    labels = read_pairs(chosen.label or [])
    if chosen.prune and not labels:
        raise UsageError("--prune needs --label name=value: only stacks that carry it are deleted.")
    if labels and not chosen.prune:
        raise UsageError("--label says what --prune deletes: give both.")
    manifests = read_manifests(chosen.file, chosen_project(chosen))
    if chosen.prune:
        _check_labels(manifests, labels)
    stacks = {
        (project, stack["name"]): stack
        for project in dict.fromkeys(item.project for item in manifests)
        for stack in landform.stacks(project=project)
    }
    changes = compare(manifests, stacks, landform.kind, send_sensitive=chosen.send_sensitive)
    if chosen.prune:
        changes += find_pruned(manifests, stacks.values(), labels)
    return changes


def _check_labels(manifests: list[StackManifest], labels: dict[str, str]) -> None:
    """A stack without the label would be left behind when its manifest goes."""
    for item in manifests:
        if not labels.items() <= item.labels.items():
            missing = ", ".join(f"{name}={value}" for name, value in labels.items())
            raise UsageError(f"{item.source}: {item.title} has not the label {missing} of --prune.")


def _show(chosen: argparse.Namespace, changes: list[Change]) -> None:
    if chosen.output in ("json", "yaml"):
        show_data(chosen.output, [_as_data(change) for change in changes])
        return
    if chosen.output == "name":
        shown = [item for item in changes if item.action is not Action.UNCHANGED]
        print(*(f"{item.action} {item.title}" for item in shown), sep="\n")
        return
    for change in changes:
        _show_one(change)
    count = {action: sum(change.action is action for change in changes) for action in Action}
    told = f"{count[Action.CREATE]} to create, {count[Action.CHANGE]} to change, "
    told += f"{count[Action.DELETE]} to delete, {count[Action.UNCHANGED]} unchanged"
    refused = f", {count[Action.REFUSED]} refused" if count[Action.REFUSED] else ""
    print(f"Plan: {told}{refused}.")


def _show_one(change: Change) -> None:
    sign, colour = SIGNS[change.action]
    where = "" if change.project == "default" else f" (project {change.project})"
    said = f": {change.problem}" if change.problem else ""
    print(
        paint(printable(f"{sign} {change.title}{where}  {change.action}{said}"), colour, sys.stdout)
    )
    for item in change.differences:
        after = "(the default)" if item.after is None else one_line(item.after)
        before = "" if item.before is None else f"{one_line(item.before)} → "
        print(f"      {printable(item.path)}: {before}{after}")
    if change.unknown and change.action is Action.UNCHANGED:
        names = ", ".join(change.unknown)
        print(printable(f"      not compared, since sensitive: {names} (--send-sensitive)"))


def _as_data(change: Change) -> dict[str, object]:
    return {
        "action": str(change.action),
        "stack": change.title,
        "project": change.project,
        "differences": [vars(item) for item in change.differences],
        "problem": change.problem or None,
    }


def _name_requested(followed: list[Followed]) -> None:
    """Say what goes on although what came after it failed."""
    for item in followed:
        say(f"{item.title} was asked for already: landform wait {item.operation['id']}")


def _carry_out(landform: Landform, chosen: argparse.Namespace, wanted: list[Change]) -> int:
    """Ask for everything at once: Landform lets what refers to others wait for them."""
    followed: list[Followed] = []
    deleted = [it.stack for it in wanted if it.action is Action.DELETE and it.stack is not None]
    with ExitStack() as unless_all:
        unless_all.callback(_name_requested, followed)
        for change in wanted:
            _request(landform, change, followed)
        unless_all.pop_all()
    if chosen.no_wait:
        followed += ask_to_delete(landform, deleted, cascade=False)
        print(*(item.operation["id"] for item in followed), sep="\n")
        return exits.DONE
    status = follow(landform, followed, chosen.timeout)
    if status != exits.DONE:
        if deleted:
            say("Nothing was deleted, since not everything else was done.")
        return status
    return delete_all(landform, deleted, chosen.timeout)


def _request(landform: Landform, change: Change, followed: list[Followed]) -> None:
    """Ask for what is made or changed, and note its operation."""
    if change.manifest is None:
        return
    if change.stack is None:
        accepted = _create(landform, change.manifest)
    else:
        accepted = _change(landform, change.stack, change)
    if accepted["operation"] is not None:
        followed.append(Followed(change.title, accepted["operation"]))
    else:
        say(f"{change.title}: changed.")


def _create(landform: Landform, manifest: StackManifest) -> Accepted:
    settings = {"project": manifest.project, "labels": manifest.labels, **manifest.settings}
    if manifest.region is not None:
        settings["region"] = manifest.region
    return landform.create(
        manifest.kind, manifest.name, manifest.cloud_account, manifest.parameters, **settings
    )


def _change(landform: Landform, stack: Stack, change: Change) -> Accepted:
    """Change a stack if it still is as it was compared.

    Raises:
        ChangedMeanwhileError: somebody changed it.
    """
    read = landform.send("GET", stack["links"]["typed"])
    compared = ("parameters", "labels", *change.body)
    if any(read.body.get(name) != stack.get(name) for name in compared if name != "drift"):
        detail = f"Somebody changed {change.title} after the plan was made."
        problem = {"code": "changed_meanwhile", "detail": detail, "advice": "Apply again."}
        raise ChangedMeanwhileError(412, problem)
    body = dict(change.body)
    parameters = body.pop("parameters", None)
    accepted = landform.change(stack, parameters, if_match=read.etag or "*", **body)
    if "labels" in body:
        _remove_labels(landform, accepted["stack"], body["labels"])
    return accepted


def _remove_labels(landform: Landform, stack: Stack, wanted: dict[str, str]) -> None:
    """Remove the labels that a Landform which merges labels has kept."""
    kept = {name: None for name in stack["labels"] if name not in wanted}
    if kept:
        landform.change(stack, labels=kept)
