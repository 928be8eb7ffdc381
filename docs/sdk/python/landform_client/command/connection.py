"""The client of one run: which Landform, signed in how."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from landform_client.answers import Tokens
from landform_client.command.exits import UsageError
from landform_client.command.profiles import (
    Profile,
    Profiles,
    changing_profiles,
    profiles_path,
    read_profiles,
)

if TYPE_CHECKING:
    from landform_client.client import Landform

URL = "http://127.0.0.1:8080"
EARLY_SECONDS = 30.0


class ProfileSession:
    """The session of a profile. Its tokens are renewed by one process at a time."""

    def __init__(self, name: str, profile: Profile, landform: Landform) -> None:
        self._name = name
        self._profile = profile
        self._landform = landform

    def token(self) -> str | None:
        if time.time() > self._profile.expires_at - EARLY_SECONDS:
            self.renew(self._profile.access_token)
        return self._profile.access_token

    def renew(self, refused: str | None) -> bool:
        """Renew the tokens, unless another process did meanwhile.

        Raises:
            NotSignedInError: the session has ended.
        """
        with changing_profiles() as profiles:
            present = profiles.by_name.get(self._name, self._profile)
            if present.access_token == refused:
                keep_tokens(present, self._landform.renew_tokens(present.refresh_token))
            self._profile = present
        return True


def keep_tokens(profile: Profile, tokens: Tokens) -> None:
    """Note the tokens of a session in a profile."""
    profile.access_token = tokens["access_token"]
    profile.refresh_token = tokens["refresh_token"]
    profile.expires_at = time.time() + tokens["expires_in"]


def chosen_profile(chosen: argparse.Namespace) -> tuple[str, Profile | None]:
    """Return the name of the profile to use, and the profile if there is one.

    Raises:
        UsageError: one was named that does not exist.
    """
    profiles = read_profiles()
    name = chosen.profile or os.environ.get("LANDFORM_PROFILE") or profiles.current
    found = profiles.by_name.get(name)
    is_named = name != Profiles().current
    if found is None and is_named:
        raise UsageError(f"There is no profile {name}: landform login --profile {name}")
    return name, found


def connect(chosen: argparse.Namespace) -> Landform:
    """Return a client, signed in by ``$LANDFORM_TOKEN`` or the profile.

    Raises:
        UsageError: nobody signed in.
    """
    name, profile = chosen_profile(chosen)
    token = os.environ.get("LANDFORM_TOKEN", "")
    url = chosen.url or os.environ.get("LANDFORM_URL") or (profile.url if profile else "")
    if profile is not None and url.rstrip("/") != profile.url and not token:
        raise UsageError(
            f"The profile {name} is signed in to {profile.url}, not to {url}: landform login {url}"
        )
    if profile is None and not token:
        where = profiles_path()
        raise UsageError(f"You are not signed in ({where}): landform login, or set LANDFORM_TOKEN.")
    landform = client(url or URL, token or (profile.token if profile else None))
    if profile is not None and not token and not profile.token:
        landform.use(ProfileSession(name, profile, landform))
    return landform


def client(url: str, token: str | None = None) -> Landform:
    """Return a client of a URL.

    Raises:
        UsageError: it is no URL of HTTP.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no URL: write it as https://landform.example.com")
    # httpx loads what its own command needs where that is installed: 300 ms for nothing.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from landform_client.client import Landform

    return Landform(url, token)


def chosen_project(chosen: argparse.Namespace) -> str:
    """Return the project to work in: the option's, the profile's, or ``default``."""
    if chosen.project:
        return str(chosen.project)
    _, profile = chosen_profile(chosen)
    return (profile.project if profile else "") or "default"
