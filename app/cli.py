"""The command ``landform admin``, which administers this installation; ``--help`` lists it all.

Owns the words on the command line and what is printed; the work is in ``app.services``.
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from app.cli_backup import take_creation, take_restore, take_verification
from app.cli_blueprint import BLUEPRINT_COMMANDS
from app.cli_command import Command, open_context
from app.cli_hosts import HOST_COMMANDS
from app.cli_state import export_state, write_new_file
from app.config.settings import Settings
from app.errors import LandformError
from app.factory import create_app
from app.process_secrecy import close_to_others
from app.services.access import SYSTEM_PRINCIPAL
from app.services.audit_trail.export import FORMATS, in_batches
from app.services.audit_trail.trail import TrailFilter, export_events
from app.services.audit_trail.verification import verify_trail
from app.services.cloud_accounts.checks import find_refused
from app.services.drift.unreadable_agreements import forget_unreadable
from app.services.installation.key_rotation import KeyReport, key_status, rotate_keys

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command named on the command line and return its exit status.

    0 is success, 1 an answer that wants attention, 2 a refusal with its reason on standard error.
    The word ``admin`` before the command may be left out.
    """
    words = sys.argv[1:] if arguments is None else arguments
    chosen = build_parser().parse_args(words[1:] if words[:1] == ["admin"] else words)
    command: Command = chosen.landform_command
    try:
        return command.run(chosen)
    except LandformError as error:
        print(f"{error.detail} {error.advice} [{error.code}]", file=sys.stderr)
        return REFUSED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all of ``COMMANDS``: those of two words form a group."""
    parser = argparse.ArgumentParser(
        prog="landform admin", description="Administer this installation of Landform."
    )
    groups = {"": parser.add_subparsers(metavar="COMMAND", required=True)}
    for words, command in COMMANDS.items():
        group, _, name = words.rpartition(" ")
        if group not in groups:
            parent = groups[""].add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = parent.add_subparsers(metavar="COMMAND", required=True)
        added = groups[group].add_parser(
            name, help=command.explanation, description=command.explanation
        )
        command.add_arguments(added)
        added.set_defaults(landform_command=command)
    return parser


def print_openapi(_chosen: argparse.Namespace) -> int:
    """Print the REST contract."""
    print(openapi_document(Settings()))
    return 0


def print_key_status(_chosen: argparse.Namespace) -> int:
    """Tell which keys of the ring are in use; 1 when something cannot be opened."""
    ctx = open_context()
    with closing(ctx.db):
        report = key_status(ctx)
    _print_report(report)
    return 1 if report.missing else 0


def rotate(_chosen: argparse.Namespace) -> int:
    """Put everything under the newest key; 1 when something is not under it afterwards."""
    ctx = open_context()
    with closing(ctx.db):
        report = rotate_keys(ctx)
    _print_report(report)
    return 1 if report.outdated else 0


def print_refused_accounts(_chosen: argparse.Namespace) -> int:
    """Name the cloud accounts that this host does not allow as they are; 1 when there are any."""
    ctx = open_context()
    with closing(ctx.db):
        refused = find_refused(ctx)
    for _, reason in refused:
        print(reason)
    if not refused:
        print("This host allows every cloud account.")
    return 1 if refused else 0


def _take_stack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack", help="id of the stack, such as stk_01k…")


def forget_agreement(chosen: argparse.Namespace) -> int:
    """Give up what was agreed about a stack, if it does not open any more."""
    ctx = open_context()
    with closing(ctx.db):
        forget_unreadable(ctx, chosen.stack)
    print(f"The recorded state of {chosen.stack} counts as agreed now. A drift check is queued.")
    return 0


def _take_state(parser: argparse.ArgumentParser) -> None:
    _take_stack(parser)
    parser.add_argument("--serial", type=int, help="another than the present state")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a new file, readable by you only"
    )


def _print_report(report: KeyReport) -> None:
    print(f"Newest key: {report.primary}. In LANDFORM_ENCRYPTION_KEYS: {', '.join(report.ring)}.")
    for item in report.places:
        counts = ", ".join(f"{count} under {key}" for key, count in sorted(item.by_key.items()))
        done = f"; {item.rewrapped} re-wrapped now" if item.rewrapped else ""
        print(f"  {item.place}: {counts or 'nothing'}{done}")
        for line in item.unreadable:
            print(f"    not re-wrapped: {line}")
    for key in report.missing:
        print(f"Key {key} is needed and not in the ring: {report.in_use[key]} objects are closed.")
    for key in report.unused:
        print(f"Key {key} is used by nothing any more: remove it once no backup needs it.")
    if report.outdated:
        print(
            f"{report.outdated} objects are not under {report.primary}: "
            "run `landform admin keys rotate`."
        )


def _take_archives(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--archive",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an NDJSON export of events that are no longer in SQL; may be given again, in order",
    )


def verify_audit(chosen: argparse.Namespace) -> int:
    """Check the audit trail; 1 when something is wrong with it."""
    ctx = open_context()
    with closing(ctx.db):
        result = verify_trail(ctx, chosen.archive)
    print(f"{result.count} events, the last is {result.last.sequence} ({result.last.hash[:16]}…).")
    if result.proven:
        print(f"Anchors vouch for all events up to {result.proven}.")
    for key, sequence in result.anchors.unchecked.items():
        print(f"Not checked: anchors up to event {sequence}, of key {key}, not in the ring.")
    if result.anchors.damaged:
        print(f"Not checked: {result.anchors.damaged} torn lines in the file of anchors.")
    for finding in result.findings:
        print(f"{finding.kind.upper()}: {finding.detail}")
    if result.has_more:
        print("There is more than is listed here.")
    print("Something is wrong with the trail." if result.findings else "The trail is whole.")
    return 1 if result.findings else 0


def _take_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=sorted(FORMATS), default="ndjson")
    parser.add_argument("--since", type=_moment, help="from this time on, as 2026-11-23T08:00:00Z")
    parser.add_argument("--until", type=_moment, help="before this time")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a new file, readable by you only"
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def export_audit(chosen: argparse.Namespace) -> int:
    """Write the audit trail to a new file or standard output; this is an event itself."""
    ctx = open_context()
    wanted = TrailFilter(since=chosen.since, until=chosen.until)
    with closing(ctx.db):
        events = export_events(ctx, SYSTEM_PRINCIPAL, wanted)
        lines = in_batches(FORMATS[chosen.format](events))
        if chosen.output is not None:
            write_new_file(chosen.output, lines)
        else:
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()
    return 0


def openapi_document(settings: Settings) -> str:
    """Return the OpenAPI document as JSON text; needs no database, Redis or secret."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    invented = settings.model_copy(
        update={
            "secret_key": SecretStr(secrets.token_urlsafe(32)),
            "encryption_keys": SecretStr(f"k1:{key}"),
            "log_level": "ERROR",
        }
    )
    document = create_app(invented).extensions["landform_api"].document()
    return json.dumps(document, indent=2, ensure_ascii=False)


def act_on_backup(chosen: argparse.Namespace) -> int:
    """Make, check or restore a backup; 1 when something about it wants attention."""
    ctx = open_context()
    with closing(ctx.db):
        lines, is_odd = chosen.act(ctx, chosen)
    print(*lines, sep="\n")
    return 1 if is_odd else 0


GROUPS = {
    "agreements": "what was agreed about stacks, by which drift is told",
    "audit": "the audit trail",
    "blueprint": "kinds of infrastructure, for who writes them",
    "backup": "copies of SQL and of all states, as of one moment",
    "keys": "the encryption keys of what is kept at rest",
    "state": "Terraform states on the volume",
}

COMMANDS = {
    "openapi": Command("print the OpenAPI document of this catalogue", print_openapi),
    "audit verify": Command(
        "check that nobody changed the audit trail: its chain and its anchors",
        verify_audit,
        _take_archives,
    ),
    "audit export": Command("write the audit trail, oldest first", export_audit, _take_export),
    **HOST_COMMANDS,
    **BLUEPRINT_COMMANDS,
    "accounts": Command(
        "name the cloud accounts that this host does not allow as they are", print_refused_accounts
    ),
    "agreements forget": Command(
        "have the recorded state of a stack count as agreed, if what was agreed does not open",
        forget_agreement,
        _take_stack,
    ),
    "backup create": Command(
        "copy SQL and all states into a new folder, while Landform works",
        act_on_backup,
        take_creation,
    ),
    "backup verify": Command(
        "check every byte of a backup, and that this host can open it",
        act_on_backup,
        take_verification,
    ),
    "backup restore": Command(
        "restore a backup into an empty database and place of states", act_on_backup, take_restore
    ),
    "keys status": Command("count what is sealed under which encryption key", print_key_status),
    "keys rotate": Command("put everything under the newest encryption key", rotate),
    "state export": Command(
        "write a state in plain text, from the volume and the key ring alone",
        export_state,
        _take_state,
    ),
}


if __name__ == "__main__":
    close_to_others()
    sys.exit(main())
