"""Commands for people and for the build: ``python -m app.cli --help`` lists them.

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
EXPORT = "state-export"


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command named on the command line and return its exit status.

    0 is success, 1 an answer that wants attention, 2 a refusal with its reason on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m app.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (explanation, _) in COMMANDS.items():
        command = commands.add_parser(name, help=explanation, description=explanation)
        if name == EXPORT:
            command.add_argument("stack", help="id of the stack, such as stk_01k…")
            command.add_argument("--serial", type=int, help="another than the present state")
            command.add_argument(
                "-o", "--output", type=Path, metavar="FILE", help="a new file, readable by you only"
            )
    chosen = parser.parse_args(arguments)
    try:
        return COMMANDS[chosen.command][1](chosen)
    except LandformError as error:
        print(f"{error.detail} {error.advice} [{error.code}]", file=sys.stderr)
        return REFUSED


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
        print(f"{report.outdated} objects are not under {report.primary}: run keys-rotate.")


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
    document = create_app(invented).extensions["landform_api"].spec.to_dict()
    return json.dumps(document, indent=2, ensure_ascii=False)


COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace], int]]] = {
    "openapi": ("print the OpenAPI document of this catalogue", print_openapi),
    "keys-status": ("count what is sealed under which encryption key", print_key_status),
    EXPORT: ("write a state in plain text, from the volume and the key ring alone", export_state),
    "keys-rotate": ("put everything under the newest encryption key", rotate),
}


if __name__ == "__main__":
    sys.exit(main())
