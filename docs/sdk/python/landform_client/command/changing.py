"""``create``, ``delete``, ``wait``, ``approve``, ``discard``, ``cancel`` and ``logs``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from landform_client.answers import Accepted, Kind, Operation
from landform_client.command.connection import chosen_project, connect
from landform_client.command.deleting import ask_to_delete, delete_all
from landform_client.command.exits import DONE, USAGE, UsageError
from landform_client.command.progress import Followed, follow
from landform_client.command.targets import find_open_operation, find_operation, find_stack
from landform_client.command.terminal import confirm, may_ask, paint, printable, say
from landform_client.comparison import title_of

if TYPE_CHECKING:
    from landform_client.client import Landform


def create(chosen: argparse.Namespace) -> int:
    """Make one stack."""
    landform = connect(chosen)
    kind = landform.kind(chosen.kind)
    settings: dict[str, Any] = {
        "project": chosen_project(chosen),
        "region": chosen.region,
        "auto_apply": chosen.auto_apply,
        "labels": read_pairs(chosen.label or []),
    }
    accepted = landform.create(
        chosen.kind,
        chosen.name,
        chosen.account or _only_account(landform),
        read_parameters(chosen.set or [], kind),
        key=chosen.key,
        **{name: value for name, value in settings.items() if value},
    )
    return finish(landform, chosen, f"{kind['kind']}/{chosen.name}", accepted)


def finish(landform: Landform, chosen: argparse.Namespace, title: str, accepted: Accepted) -> int:
    """Follow what was accepted, or print the id of its operation with ``--no-wait``."""
    operation = accepted["operation"]
    if operation is None:
        say(f"{title}: nothing to do.")
        return DONE
    if chosen.no_wait:
        print(operation["id"])
        return DONE
    return follow(landform, [Followed(title, operation)], chosen.timeout)


def _only_account(landform: Landform) -> str:
    names = [item["name"] for item in landform.iterate("/cloud-accounts")]
    if len(names) == 1:
        return str(names[0])
    raise UsageError(f"Say on which cloud account: --account {' | '.join(names) or 'NAME'}")


def read_pairs(texts: list[str]) -> dict[str, str]:
    """Read ``name=value`` as often as it was given.

    Raises:
        UsageError: there is no ``=``.
    """
    for text in texts:
        if "=" not in text:
            raise UsageError(f"{text!r} must be name=value.")
    return dict(text.split("=", 1) for text in texts)


def read_parameters(texts: list[str], kind: Kind) -> dict[str, Any]:
    """Read ``name=value``: JSON, or text where it is none or the parameter is a text.

    Raises:
        UsageError: there is no ``=``.
    """
    known = kind["parameters"].get("properties", {})
    return {
        name: value if known.get(name, {}).get("type") == "string" else _value(value)
        for name, value in read_pairs(texts).items()
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def delete(chosen: argparse.Namespace) -> int:
    """Destroy stacks, after asking on a terminal."""
    landform = connect(chosen)
    stacks = [find_stack(landform, chosen, name) for name in chosen.stack]
    titles = map(title_of, stacks)
    more = " and all stacks that use it" if chosen.cascade else ""
    if not chosen.yes and may_ask() and not confirm(f"Destroy {', '.join(titles)}{more}?"):
        say("Nothing was done.")
        return USAGE
    if chosen.no_wait:
        asked = ask_to_delete(landform, stacks, cascade=chosen.cascade)
        print(*(item.operation["id"] for item in asked), sep="\n")
        return DONE
    return delete_all(landform, stacks, chosen.timeout, cascade=chosen.cascade)


def wait(chosen: argparse.Namespace) -> int:
    """Wait until operations have ended."""
    landform = connect(chosen)
    followed = [Followed(name, find_operation(landform, chosen, name)) for name in chosen.target]
    return follow(landform, followed, chosen.timeout)


def approve(chosen: argparse.Namespace) -> int:
    """Let a plan be applied."""
    landform = connect(chosen)
    operation = find_open_operation(landform, chosen, chosen.target, is_planned=True)
    options = {"override_windows": True} if chosen.override_windows else {}
    return _follow_decided(landform, chosen, landform.approve(operation, **options))


def discard(chosen: argparse.Namespace) -> int:
    """Throw a plan away."""
    landform = connect(chosen)
    operation = find_open_operation(landform, chosen, chosen.target, is_planned=True)
    decided = landform.discard(operation)
    say(f"{decided['id']} is {decided['status']}.")
    return DONE


def cancel(chosen: argparse.Namespace) -> int:
    """Stop an operation."""
    landform = connect(chosen)
    operation = find_open_operation(landform, chosen, chosen.target, is_planned=False)
    decided = landform.cancel(operation, force=chosen.force)
    say(f"{decided['id']} is {decided['status']}.")
    return DONE


def _follow_decided(landform: Landform, chosen: argparse.Namespace, operation: Operation) -> int:
    if chosen.no_wait:
        print(operation["id"])
        return DONE
    return follow(landform, [Followed(chosen.target, operation)], chosen.timeout)


def logs(chosen: argparse.Namespace) -> int:
    """Print what happened in an operation, and with ``-f`` what happens."""
    landform = connect(chosen)
    operation = find_operation(landform, chosen, chosen.target)
    if not chosen.follow:
        for event in landform.iterate(f"/operations/{operation['id']}/events", limit=200):
            _print_event(event)
        return DONE
    for message in landform.events(operation):
        if message.event == "event":
            _print_event(message.data)
        else:
            operation = message.data
    return follow(landform, [Followed(chosen.target, operation)], 0)


def _print_event(event: Any) -> None:
    text = f"{event['at'][11:19]}  {printable(event['message'])}"
    colour = {"error": "red", "warning": "yellow"}.get(event["level"])
    print(paint(text, colour, sys.stdout) if colour else text, flush=True)
