"""Profiles: which Landform, as whom. One file, readable by its owner only."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from landform_client.command.exits import UsageError

DEFAULT = "default"


@dataclass
class Profile:
    """One Landform and how to sign in to it.

    Attributes:
        token: an API token, or empty.
        access_token, refresh_token: of a session, or empty.
        expires_at: when the access token ends, in seconds since 1970.
    """

    url: str
    username: str = ""
    project: str = ""
    token: str = ""
    access_token: str = ""
    refresh_token: str = ""
    expires_at: float = 0.0


@dataclass
class Profiles:
    """All profiles of one person, and the one that is used by default."""

    current: str = DEFAULT
    by_name: dict[str, Profile] = field(default_factory=dict)


def profiles_path() -> Path:
    """Return where profiles are kept: ``$LANDFORM_PROFILES``, else below ``$XDG_CONFIG_HOME``."""
    named = os.environ.get("LANDFORM_PROFILES")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "landform" / "profiles.json"


def read_profiles() -> Profiles:
    """Read the file; without one there are none.

    Raises:
        UsageError: others may read it, or it cannot be read.
    """
    path = profiles_path()
    try:
        with path.open(encoding="utf-8") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                raise UsageError(f"{path} holds secrets and is open to others: chmod 600 {path}")
            content = json.load(opened)
        profiles = {name: Profile(**item) for name, item in content["profiles"].items()}
        return Profiles(content["current"], profiles)
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path} is damaged: remove it and sign in again.") from error


@contextmanager
def changing_profiles() -> Iterator[Profiles]:
    """Read the profiles and write them back, one process at a time.

    Raises:
        UsageError: the file cannot be read or written.
    """
    path = profiles_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        profiles = read_profiles()
        yield profiles
        _write(path, profiles)
    finally:
        os.close(lock)


def _write(path: Path, profiles: Profiles) -> None:
    content: dict[str, Any] = {
        "current": profiles.current,
        "profiles": {name: asdict(item) for name, item in profiles.by_name.items()},
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    with ExitStack() as half:  # what could not be written as a whole is removed
        half.callback(Path(name).unlink, missing_ok=True)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump(content, opened, indent=2)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).replace(path)
        half.pop_all()
