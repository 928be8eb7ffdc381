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

from pydantic import SecretStr

from app.errors import LandformError
from app.factory import create_app
from app.services.context import build_context
from app.services.key_rotation import KeyReport, key_status, rotate_keys
from app.settings import Settings

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command named on the command line and return its exit status.

    0 is success, 1 an answer that wants attention, 2 a refusal with its reason on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m app.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (explanation, _) in COMMANDS.items():
        commands.add_parser(name, help=explanation, description=explanation)
    chosen = parser.parse_args(arguments)
    try:
        return COMMANDS[chosen.command][1]()
    except LandformError as error:
        print(f"{error.detail} {error.advice} [{error.code}]", file=sys.stderr)
        return REFUSED


def print_openapi() -> int:
    """Print the REST contract."""
    print(openapi_document(Settings()))
    return 0


def print_key_status() -> int:
    """Tell which keys of the ring are in use; 1 when something cannot be opened."""
    ctx = build_context(Settings.from_env())
    with closing(ctx.db):
        report = key_status(ctx)
    _print_report(report)
    return 1 if report.missing else 0


def rotate() -> int:
    """Put everything under the newest key; 1 when something is not under it afterwards."""
    ctx = build_context(Settings.from_env())
    with closing(ctx.db):
        report = rotate_keys(ctx)
    _print_report(report)
    return 1 if report.outdated else 0


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


COMMANDS: dict[str, tuple[str, Callable[[], int]]] = {
    "openapi": ("print the OpenAPI document of this catalogue", print_openapi),
    "keys-status": ("count what is sealed under which encryption key", print_key_status),
    "keys-rotate": ("put everything under the newest encryption key", rotate),
}


if __name__ == "__main__":
    sys.exit(main())
