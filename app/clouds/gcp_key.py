"""Read the key of a Google Cloud service account, and refuse what else such a JSON may hold.

The same variable of Terraform's provider takes other kinds of credentials too: the path of a file,
or a JSON that names files, addresses and programs to take a token from. None of that is wanted of
somebody who only gives a key: what is not known to be a key is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app import exact_json

TOKEN_URI = "https://oauth2.googleapis.com/token"  # nosec B105  # an address
NEEDED = ("client_email", "private_key", "private_key_id")
HARMLESS = frozenset(
    {
        *(*NEEDED, "type", "project_id", "client_id", "token_uri", "auth_uri"),
        *("auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain"),
    }
)


class KeyContentError(Exception):
    """The key cannot be used; the message says why, without anything of the key."""


@dataclass(frozen=True)
class ServiceAccountKey:
    """A key: whose it is, its id, and where it is exchanged for a token."""

    email: str
    key_id: str
    private_key: str = field(repr=False)
    token_uri: str


def resolve_key(fields: Mapping[str, str], contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return credentials whose key, if there is one, is known to be a key and nothing else.

    Args:
        fields: credentials of an account.
        contents: what is in the files that it names, by field; those are handed on as they are.

    Raises:
        KeyContentError: it is no key.
    """
    if "service_account_key" in fields:
        read_key(fields)
    return dict(fields)


def read_key(fields: Mapping[str, str]) -> ServiceAccountKey:
    """Return the key of an account.

    Raises:
        KeyContentError: it is no key, or may send what it signs somewhere else than to Google or to
            the endpoint of the account.
    """
    try:
        held = exact_json.loads(fields["service_account_key"])
    except (RecursionError, ValueError) as error:
        raise KeyContentError("The service account key is no JSON.") from error
    if not isinstance(held, dict) or held.get("type") != "service_account":
        raise KeyContentError(
            "The service account key must be the JSON of a key of a service account; its type is "
            "service_account."
        )
    strange = sorted(name for name in held if name not in HARMLESS)
    if strange:
        raise KeyContentError(
            f"The service account key holds {strange[0][:40]!r}, which is no part."
        )
    texts = {name: held.get(name) for name in (*NEEDED, "token_uri")}
    missing = [name for name in NEEDED if not isinstance(texts[name], str) or not texts[name]]
    if missing:
        raise KeyContentError(f"The service account key lacks {missing[0]}.")
    allowed = token_uri(fields)
    if texts["token_uri"] not in (allowed, TOKEN_URI):
        raise KeyContentError(f"The service account key must have {allowed} as its token_uri.")
    if held.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise KeyContentError("The service account key is of another universe than googleapis.com.")
    return ServiceAccountKey(
        str(held["client_email"]),
        str(held["private_key_id"]),
        str(held["private_key"]),
        str(texts["token_uri"]),
    )


def token_uri(fields: Mapping[str, str]) -> str:
    """Return where a key of this account is exchanged for a token."""
    endpoint = fields.get("endpoint")
    return TOKEN_URI if endpoint is None else f"{endpoint.rstrip('/')}/token"
