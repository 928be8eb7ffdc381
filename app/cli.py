"""Commands for people and for the build: ``python -m app.cli openapi`` prints the REST contract."""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys

from pydantic import SecretStr

from app.factory import create_app
from app.settings import Settings


def main() -> int:
    """Carry out the command named on the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m app.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("openapi", help="print the OpenAPI document of this catalogue")
    parser.parse_args()
    print(openapi_document(Settings()))
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
    document = create_app(invented).extensions["landform_api"].spec.to_dict()
    return json.dumps(document, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
