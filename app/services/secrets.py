"""Seal and open the secret values that SQL keeps: parameters, outputs, credentials."""

from __future__ import annotations

import zlib
from typing import Any

from app import exact_json
from app.catalog.parameters import merge_sensitive
from app.crypto import KeyRing
from app.models import CloudAccount, Stack, StackOutput, StoredPlan

COMPRESSION = 3


def seal_json(keys: KeyRing, value: Any, place: str) -> bytes:
    """Encrypt a JSON value so that it opens only at ``place``."""
    return keys.encrypt(exact_json.dumps(value).encode(), place)


def open_json(keys: KeyRing, sealed: bytes, place: str) -> Any:
    """Decrypt what ``seal_json`` made.

    Raises:
        DecryptionError: another key, another place, or a changed byte.
    """
    return exact_json.loads(keys.decrypt(sealed, place))


def seal_plan(keys: KeyRing, operation_id: str, plan: dict[str, Any]) -> bytes:
    """Encrypt a plan, compressed: that of a thousand resources has tens of megabytes."""
    document = zlib.compress(exact_json.dumps(plan).encode(), level=COMPRESSION)
    return keys.encrypt(document, f"plan:{operation_id}")


def open_plan(keys: KeyRing, row: StoredPlan) -> Any:
    """Decrypt a plan; those of older versions are not compressed.

    Raises:
        DecryptionError: another key, another operation, or a changed byte.
    """
    document = keys.decrypt(row.sealed_changes, f"plan:{row.operation_id}")
    plain = document if document.startswith(b"{") else zlib.decompress(document)
    return exact_json.loads(plain)


def seal_parameters(keys: KeyRing, stack: Stack, secret: dict[str, Any]) -> None:
    """Keep the sensitive parameters of a stack."""
    stack.sealed_parameters = seal_json(keys, secret, f"parameters:{stack.id}") if secret else None


def open_parameters(keys: KeyRing, stack: Stack) -> dict[str, Any]:
    """Return the sensitive parameters of a stack."""
    if stack.sealed_parameters is None:
        return {}
    opened: dict[str, Any] = open_json(keys, stack.sealed_parameters, f"parameters:{stack.id}")
    return opened


def merge_parameters(keys: KeyRing, stack: Stack) -> dict[str, Any]:
    """Return all parameters of a stack, sensitive ones included."""
    return merge_sensitive(stack.parameters, open_parameters(keys, stack))


def seal_credentials(keys: KeyRing, account: CloudAccount, credentials: dict[str, str]) -> None:
    """Keep the credentials of a cloud account."""
    account.sealed_credentials = seal_json(keys, credentials, f"credentials:{account.id}")


def open_credentials(keys: KeyRing, account: CloudAccount) -> dict[str, str]:
    """Return the credentials of a cloud account."""
    place = f"credentials:{account.id}"
    opened: dict[str, str] = open_json(keys, account.sealed_credentials, place)
    return opened


def output_value(keys: KeyRing, output: StackOutput) -> Any:
    """Return the value of an output, also of a sensitive one."""
    if output.sealed_value is None:
        return output.value
    return open_json(keys, output.sealed_value, f"output:{output.stack_id}:{output.name}")
