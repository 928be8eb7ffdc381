"""The command line: which commands there are and what they take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from landform_client.command.output import FORMS
from landform_client.version import VERSION

Add = Callable[[argparse.ArgumentParser], None]
TIMEOUT_SECONDS = 3600.0
HELD = ("always", "unless_destroy", "additions_only", "never")


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        explanation: one line.
        code: module and function that carry it out; loaded when it is used.
        add: adds its arguments.
    """

    explanation: str
    code: str
    add: Add


def _waiting(parser: argparse.ArgumentParser, *, may_skip: bool = True) -> None:
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long to wait at most (3600)",
    )
    if may_skip:
        parser.add_argument(
            "--no-wait", action="store_true", help="print the ids of operations and do not wait"
        )


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=FORMS, default="table", help="table by default")


def _yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", help="such as https://landform.example.com")
    parser.add_argument("--username", help="asked for by default")
    parser.add_argument("--password-stdin", action="store_true", help="read it from standard input")
    parser.add_argument("--totp", metavar="CODE", help="code of the second factor")
    parser.add_argument("--with-token", action="store_true", help="read an API token from stdin")


def _profiles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="use this one from now on")
    _output(parser)


def _get(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        default="stacks",
        help="stacks, a kind (networks), operations, kinds, clouds, accounts, projects; or an id",
    )
    parser.add_argument("name", nargs="?", help="only this one")
    parser.add_argument("-A", "--all-projects", action="store_true", help="of every project")
    parser.add_argument("-l", "--label", metavar="NAME=VALUE", help="stacks that carry it")
    parser.add_argument("--status", help="stacks or operations in it")
    parser.add_argument("--drift", help="stacks with it, such as drifted")
    parser.add_argument("--stack", help="operations of it")
    parser.add_argument("--limit", type=int, default=500, help="so many at most (500)")
    _output(parser)


def _create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", help="such as network")
    parser.add_argument("name")
    parser.add_argument("--account", help="cloud account; may be left out where there is one")
    parser.add_argument("--region")
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="a parameter")
    parser.add_argument("-l", "--label", action="append", metavar="NAME=VALUE")
    parser.add_argument("--auto-apply", choices=HELD, help="what is applied without approval")
    parser.add_argument("--key", help="Idempotency-Key: the same one makes the stack once")
    _waiting(parser)


def _manifests(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--file",
        action="append",
        required=True,
        metavar="PATH",
        help="file or folder of manifests, - for stdin; may be given again",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="delete stacks that carry --label and are in no manifest",
    )
    parser.add_argument("-l", "--label", action="append", metavar="NAME=VALUE")
    parser.add_argument(
        "--send-sensitive",
        action="store_true",
        help="send sensitive parameters, too, which cannot be compared",
    )
    _output(parser)


def _apply(parser: argparse.ArgumentParser) -> None:
    _manifests(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would change, no more")
    _yes(parser)
    _waiting(parser)


def _wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="+", help="operation or stack (its newest operation)")
    _waiting(parser, may_skip=False)


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="operation or stack (its newest operation)")
    parser.add_argument("-f", "--follow", action="store_true", help="until the operation has ended")


def _approve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="operation or stack")
    parser.add_argument(
        "--override-windows", action="store_true", help="also outside change windows"
    )
    _waiting(parser)


def _decided(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="operation or stack")


def _cancel(parser: argparse.ArgumentParser) -> None:
    _decided(parser)
    parser.add_argument(
        "--force", action="store_true", help="kill a Terraform that was canceled before"
    )


def _delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack", nargs="+")
    parser.add_argument("--cascade", action="store_true", help="also all stacks that use it")
    _yes(parser)
    _waiting(parser)


def _drift(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack", nargs="?", help="show the drift of this one")
    parser.add_argument("--check", action="store_true", help="check it now")
    decided = parser.add_mutually_exclusive_group()
    decided.add_argument("--reconcile", action="store_true", help="undo the drift")
    decided.add_argument("--accept", action="store_true", help="have the state follow reality")
    parser.add_argument("-A", "--all-projects", action="store_true", help="of every project")
    _waiting(parser, may_skip=False)
    _output(parser)


def _outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack")
    parser.add_argument("name", nargs="?", help="only this output, as it is")
    _output(parser)


def _open(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", help="operation or stack")
    parser.add_argument("--print-only", action="store_true", help="print the address only")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh"))


def _nothing(_: argparse.ArgumentParser) -> None:
    pass


COMMANDS = {
    "login": Command("sign in and remember it as a profile", "account:login", _login),
    "logout": Command("end the session and forget the profile", "account:logout", _nothing),
    "profiles": Command("list profiles, or use another one", "account:profiles", _profiles),
    "get": Command("list or show stacks, operations and the catalogue", "reading:get", _get),
    "create": Command("make a stack", "changing:create", _create),
    "apply": Command("have stacks be as manifests say", "applying:apply", _apply),
    "diff": Command("show what manifests would change; 1 if anything", "applying:diff", _manifests),
    "wait": Command("wait until operations have ended", "changing:wait", _wait),
    "logs": Command("print what happened in an operation", "changing:logs", _logs),
    "approve": Command("let a plan be applied", "changing:approve", _approve),
    "discard": Command("throw a plan away", "changing:discard", _decided),
    "cancel": Command("stop an operation", "changing:cancel", _cancel),
    "delete": Command("destroy stacks", "changing:delete", _delete),
    "drift": Command("show what was changed outside Landform", "drift:drift", _drift),
    "outputs": Command("show the outputs of a stack", "reading:outputs", _outputs),
    "open": Command("open a page of the console", "reading:open_page", _open),
    "completion": Command(
        "print what completes commands in a shell", "completion:script", _completion
    ),
}
ENDING = """\
landform admin … administers a server, on its hosts. Exit statuses: 0 done, 1 an operation failed,
manifests differ or there is drift, 2 wrong usage, 3 refused, 4 not signed in, 5 awaits approval,
6 waited too long, 7 no answer.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="landform",
        description="Infrastructure by Landform, from a shell.",
        epilog=ENDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"landform {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(
            name, help=command.explanation, description=f"{command.explanation.capitalize()}."
        )
        command.add(added)
        added.add_argument("--profile", help="another one than the present")
        url = "url_option" if name == "login" else "url"
        added.add_argument("--url", dest=url, help="another Landform than the profile's")
        added.add_argument("-p", "--project", help="another one than the profile's")
    return parser
