"""Take the keys of one profile from AWS configuration files, and nothing else.

A profile may name a program to start (``credential_process``), a browser sign-in, another profile,
a role or another file. None of that is wanted of somebody who only names a profile: what is not
known to be harmless is refused, and neither botocore nor Terraform's provider reads the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import Error, RawConfigParser

KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
HARMLESS = frozenset({*KEYS, "region", "output"})
FIELDS = ("profile", "config_file", "credentials_file")


class ProfileError(Exception):
    """The profile cannot be used; the message says why, without a key."""


def resolve_profile(fields: Mapping[str, str], contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return credentials in which the keys of the profile stand instead of its files.

    Args:
        fields: credentials of an account.
        contents: what is in the files that it names, by field.

    Raises:
        ProfileError: there is no such profile, or it holds more than keys.
    """
    if "profile" not in fields:
        return dict(fields)
    profile = fields["profile"]
    found: dict[str, str] = {}
    titles = {"config_file": _title(profile), "credentials_file": profile}
    sections = {
        name: _read(contents[name], title) for name, title in titles.items() if name in contents
    }
    if not any(section is not None for section in sections.values()):
        raise ProfileError("The files hold no profile of that name (ProfileNotFound).")
    for section in sections.values():  # the credentials file comes last, and wins as with AWS
        found |= _keys(section or {})
    if not {"access_key_id", "secret_access_key"} <= found.keys():
        raise ProfileError("The profile holds no access key (NoCredentials).")
    return {name: value for name, value in fields.items() if name not in FIELDS} | found


def _title(profile: str) -> str:
    return profile if profile == "default" else f"profile {profile}"


def _read(data: bytes, title: str) -> dict[str, str] | None:
    """Return the entries of one section, or nothing when there is no such section."""
    # No section is the one that all others take from.
    parser = RawConfigParser(default_section="", interpolation=None)
    try:
        parser.read_string(data.decode())
    except (Error, UnicodeDecodeError) as error:
        raise ProfileError("A file is no AWS configuration.") from error
    return dict(parser[title]) if parser.has_section(title) else None


def _keys(section: Mapping[str, str]) -> dict[str, str]:
    for name, value in section.items():
        if name not in HARMLESS:
            raise ProfileError(
                "The profile may hold an access key, a session token, region and output; "
                f"it also holds {name[:40]!r}."
            )
        if not value.isprintable():
            raise ProfileError(f"The profile's {name} is not one line of text.")
    return {KEYS[name]: value for name, value in section.items() if name in KEYS}
