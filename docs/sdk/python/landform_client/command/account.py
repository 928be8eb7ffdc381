"""``login``, ``logout`` and ``profiles``: who one is, and where."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from landform_client.command.connection import (
    URL,
    chosen_profile,
    client,
    connect,
    keep_tokens,
)
from landform_client.command.exits import DONE, UsageError
from landform_client.command.output import show_list
from landform_client.command.profiles import Profile, Profiles, changing_profiles, read_profiles
from landform_client.command.terminal import may_ask, printable, say

if TYPE_CHECKING:
    from landform_client.client import Landform


def login(chosen: argparse.Namespace) -> int:
    """Sign in with a password or an API token, and remember it as a profile."""
    profiles = read_profiles()
    name = chosen.profile or profiles.current
    before = profiles.by_name.get(name)
    url = (chosen.url or chosen.url_option or (before.url if before else URL)).rstrip("/")
    profile = Profile(url=url, project=chosen.project or (before.project if before else ""))
    landform = client(url)
    if chosen.with_token:
        from landform_client.sign_in import FixedToken

        profile.token = _secret("API token: ", is_piped=True)
        landform.use(FixedToken(profile.token))
    else:
        _sign_in(landform, chosen, profile)
    me = landform.read("/auth/me")
    profile.username = me["username"]
    with changing_profiles() as changed:
        changed.by_name[name] = profile
        changed.current = name
    say(f"Signed in to {url} as {printable(profile.username)} (profile {name}).")
    return DONE


def _sign_in(landform: Landform, chosen: argparse.Namespace, profile: Profile) -> None:
    from landform_client.errors import NotSignedInError

    username = chosen.username or _ask("Username: ")
    password = _secret("Password: ", is_piped=chosen.password_stdin)
    try:
        session = landform.sign_in(username, password, chosen.totp)
    except NotSignedInError as refused:
        if refused.code != "totp_required" or chosen.totp or not may_ask():
            raise
        session = landform.sign_in(username, password, _ask("Code of the second factor: "))
    keep_tokens(profile, session.tokens)


def _ask(question: str) -> str:
    if not may_ask():
        raise UsageError("Nobody is there to be asked: give --username, or --with-token.")
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _secret(question: str, *, is_piped: bool) -> str:
    """Read a secret: hidden on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(question)
    if not is_piped:
        raise UsageError("Nobody is there to be asked: give --password-stdin, or --with-token.")
    secret = sys.stdin.readline().strip()
    if not secret:
        raise UsageError("Standard input is empty.")
    return secret


def logout(chosen: argparse.Namespace) -> int:
    """End the session and forget the profile; an API token stays good until it is revoked."""
    name, profile = chosen_profile(chosen)
    if profile is None:
        raise UsageError(f"There is no profile {name}.")
    if not profile.token:
        from landform_client.errors import LandformError

        try:
            connect(chosen).sign_out()
        except LandformError as error:
            say(f"The session was not ended there: {error}")
    with changing_profiles() as profiles:
        profiles.by_name.pop(name, None)
        if profiles.current == name:
            profiles.current = next(iter(profiles.by_name), Profiles().current)
    say(f"Signed out of {profile.url} (profile {name}).")
    return DONE


def profiles(chosen: argparse.Namespace) -> int:
    """List the profiles, or use another one from now on."""
    known = read_profiles()
    if chosen.name:
        if chosen.name not in known.by_name:
            raise UsageError(f"There is no profile {chosen.name}.")
        with changing_profiles() as changed:
            changed.current = chosen.name
        return DONE
    rows = [
        {
            "name": name,
            "url": item.url,
            "username": item.username,
            "project": item.project or "default",
            "current": name == known.current,
        }
        for name, item in sorted(known.by_name.items())
    ]
    titles = ("PROFILE", "URL", "USER", "PROJECT", "")
    show_list(
        chosen.output,
        rows,
        titles,
        lambda row: [*list(row.values())[:4], "current" if row["current"] else ""],
        lambda row: str(row["name"]),
    )
    return DONE
