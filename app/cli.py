"""The command ``landform``, for people and for the build: ``landform --help`` lists what it can do.

Owns the words on the command line and what is printed; the work is in ``app.services``.
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from app.crypto import KeyRing
from app.errors import ConflictError, LandformError, NotFoundError
from app.factory import create_app
from app.services.context import build_context
from app.services.key_rotation import KeyReport, key_status, rotate_keys
from app.settings import Settings
from app.storage.durable import write_synced
from app.storage.state_store import StateStore, VolumeStateStore
from app.storage.volume import Volume

REFUSED = 2


@dataclass(frozen=True)
class Command:
    """What one command does, and which arguments it takes."""

    explanation: str
    run: Callable[[argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command named on the command line and return its exit status.

    0 is success, 1 an answer that wants attention, 2 a refusal with its reason on standard error.
    """
    chosen = build_parser().parse_args(arguments)
    command: Command = chosen.landform_command
    try:
        return command.run(chosen)
    except LandformError as error:
        print(f"{error.detail} {error.advice} [{error.code}]", file=sys.stderr)
        return REFUSED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all of ``COMMANDS``: those of two words form a group."""
    parser = argparse.ArgumentParser(prog="landform", description="Steer Landform from a shell.")
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
    ctx = build_context(Settings.from_env())
    with closing(ctx.db):
        report = key_status(ctx)
    _print_report(report)
    return 1 if report.missing else 0


def rotate(_chosen: argparse.Namespace) -> int:
    """Put everything under the newest key; 1 when something is not under it afterwards."""
    ctx = build_context(Settings.from_env())
    with closing(ctx.db):
        report = rotate_keys(ctx)
    _print_report(report)
    return 1 if report.outdated else 0


def _take_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stack", help="id of the stack, such as stk_01k…")
    parser.add_argument("--serial", type=int, help="another than the present state")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a new file, readable by you only"
    )


def export_state(chosen: argparse.Namespace) -> int:
    """Write a state in plain text to a new file or standard output, from volume and key ring alone.

    For disaster days: it asks neither the database nor Redis.
    """
    settings = Settings.from_env()
    keys = KeyRing.parse(settings.encryption_keys.get_secret_value())
    store = VolumeStateStore(Volume(settings.state_dir), keys)
    serial, sha256 = _find_version(store, chosen.stack, chosen.serial)
    data = store.read(chosen.stack, serial, sha256)
    if chosen.output is not None:
        _write_new_file(chosen.output, data)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    print(f"Serial {serial} of {chosen.stack}, verified. It holds secrets.", file=sys.stderr)
    return 0


def _find_version(store: StateStore, stack_id: str, serial: int | None) -> tuple[int, str]:
    if serial is None:
        current = store.current(stack_id)
        found = [(current.serial, current.sha256)] if current else []
    else:
        versions = store.versions(stack_id)
        found = [(item.serial, item.sha256) for item in versions if item.serial == serial]
    if not found:
        kept = ", ".join(str(item.serial) for item in store.versions(stack_id)) or "none"
        raise NotFoundError(f"The volume has no such state of {stack_id}; it has serials: {kept}.")
    return found[-1]


def _write_new_file(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, durably; never over one that exists."""
    try:
        write_synced(path, data)
    except OSError as error:
        raise ConflictError(
            f"{path} cannot be written ({error.strerror}).",
            advice="Name a file that does not exist yet, in a folder that you may write.",
        ) from error


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
            f"{report.outdated} objects are not under {report.primary}: run `landform keys rotate`."
        )


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


GROUPS = {
    "keys": "the encryption keys of what is kept at rest",
    "state": "Terraform states on the volume",
}

COMMANDS = {
    "openapi": Command("print the OpenAPI document of this catalogue", print_openapi),
    "keys status": Command("count what is sealed under which encryption key", print_key_status),
    "keys rotate": Command("put everything under the newest encryption key", rotate),
    "state export": Command(
        "write a state in plain text, from the volume and the key ring alone",
        export_state,
        _take_state,
    ),
}


if __name__ == "__main__":
    sys.exit(main())
