"""The entry: read the command line, carry the command out, say what went wrong in one place."""

from __future__ import annotations

import importlib
import os
import sys

from landform_client.command import exits
from landform_client.command.exits import UsageError
from landform_client.command.parser import COMMANDS, build_parser
from landform_client.command.terminal import paint, printable
from landform_client.errors import (
    LandformError,
    NotSignedInError,
    ProblemError,
    UnreachableError,
)

MOVED = ("accounts", "agreements", "audit", "backup", "blueprint", "keys", "openapi", "state")
"""Groups of ``landform admin`` that were commands of ``landform`` until version 1.1."""


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        status = _carry_out(words)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.DONE
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return exits.INTERRUPTED


def _carry_out(words: list[str]) -> int:
    first = words[0] if words else ""
    if first == "__complete":
        from landform_client.command.completion import complete

        return complete(words[1:])
    if first == "admin" or first in MOVED:
        return _fail(
            "landform admin administers a server and is part of it: on a host of Landform, run "
            f"`.venv/bin/landform {' '.join(words if first == 'admin' else ['admin', *words])}` "
            "in its folder.",
            exits.USAGE,
        )
    chosen = build_parser().parse_args(words)
    module, _, function = COMMANDS[chosen.command].code.partition(":")
    run = getattr(importlib.import_module(f"landform_client.command.{module}"), function)
    try:
        return int(run(chosen))
    except UsageError as error:
        return _fail(str(error), exits.USAGE)
    except LandformError as error:
        return _fail(_describe(error), _status_of(error))


def _status_of(error: LandformError) -> int:
    """Return the exit status of an error; what is none of these is a manifest that is wrong."""
    kinds = (
        (NotSignedInError, exits.NOT_SIGNED_IN),
        (ProblemError, exits.REFUSED),
        (UnreachableError, exits.UNREACHABLE),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), exits.USAGE)


def _describe(error: LandformError) -> str:
    """Say what happened, which fields are wrong, and what to do next."""
    if not isinstance(error, ProblemError):
        return str(error)
    lines = [error.detail]
    if len(error.errors) > 1:
        lines += [f"  {item['pointer']}: {item['message']}" for item in error.errors]
    if error.advice:
        lines.append(error.advice)
    return "\n".join(lines) + f" [{error.code or error.status}]"


def _fail(text: str, status: int) -> int:
    lines = [printable(line) for line in text.splitlines()]
    print(paint("landform: " + lines[0], "red", sys.stderr), *lines[1:], sep="\n", file=sys.stderr)
    return status
