"""As which user Terraform and its providers run: apart from the one who holds the keys.

Only a process that may become somebody else can do so; others confine Terraform by Landlock alone
(``app.terraform.confinement``). Owns the choice, what must be true of the machine for it, and which
folders are opened to that user.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import REPOSITORY_ROOT, Settings
from app.errors import ConfigurationError

NAMED = "landform-terraform"
NOBODY_ELSE = 1_879_048_192
"""Between the users of containers and the end of what systemd and Debian give to anything."""

STAY = "none"
OTHERS = 0o077
# Folders in the home that the account walks through; each has its own modes.
WALKED = ("sandbox", "mirror", "work", "providers")
# Become somebody; give and read their files; stop and look at their processes: capabilities(7).
CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SYS_PTRACE": 19,
}
MAY_MOUNT = 21
"""CAP_SYS_ADMIN: the launcher then shows Terraform what lies in folders that are closed to it."""

STATUS_FILE = Path("/proc/self/status")
UID_MAP_FILE = Path("/proc/self/uid_map")


@dataclass(frozen=True)
class TerraformAccount:
    """A user of the operating system, and the one group of it."""

    uid: int
    gid: int


@dataclass(frozen=True)
class AccountChoice:
    """The account, or None and why Terraform runs as Landform's own user."""

    account: TerraformAccount | None
    reason: str = ""


def choose_account(settings: Settings) -> AccountChoice:
    """Return as whom Terraform runs; asked for nothing in particular, the best that is possible.

    Raises:
        ConfigurationError: ``LANDFORM_TERRAFORM_USER`` asks for what is not possible here.
    """
    wanted = settings.terraform_user
    if wanted == STAY:
        return AccountChoice(None, "LANDFORM_TERRAFORM_USER is `none`")
    try:
        account = _find(wanted)
        may_mount = _require_power()
        for path in () if may_mount else _needed(settings):
            _require_reach(path, account)
    except _NotPossibleError as error:
        if wanted:
            raise ConfigurationError(f"LANDFORM_TERRAFORM_USER: {error}.") from error
        return AccountChoice(None, str(error))
    return AccountChoice(account)


def find_account(settings: Settings) -> TerraformAccount | None:
    """Return the account for a process that need not start Terraform, such as the web process."""
    try:
        return choose_account(settings).account
    except ConfigurationError:
        return None  # who starts Terraform says it


class _NotPossibleError(Exception):
    """Why Terraform cannot have a user of its own."""


def _find(wanted: str) -> TerraformAccount:
    text, _, group = wanted.partition(":")
    if text.isdigit() and (group.isdigit() or not group):
        account = TerraformAccount(int(text), int(group or text))
    else:
        try:
            entry = pwd.getpwnam(wanted or NAMED)
            account = TerraformAccount(entry.pw_uid, entry.pw_gid)
        except KeyError:
            if wanted:
                raise _NotPossibleError(f"there is no user {wanted!r}") from None
            account = TerraformAccount(NOBODY_ELSE, NOBODY_ELSE)
    if account.uid in (0, os.geteuid()):
        raise _NotPossibleError(f"user {account.uid} is not apart from Landform")
    if not any(first <= account.uid < first + count for first, count in _mapped_users()):
        raise _NotPossibleError(f"this container has no user {account.uid}")
    return account


def _require_power() -> bool:
    """Make sure that this process may do what is needed; tell whether it may mount, too."""
    held = 0
    for line in STATUS_FILE.read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
    missing = [name for name, number in CAPABILITIES.items() if not held >> number & 1]
    if missing:
        raise _NotPossibleError("this process may not use another user, it lacks " + missing[0])
    return bool(held >> MAY_MOUNT & 1)


def _mapped_users() -> Iterator[tuple[int, int]]:
    for line in UID_MAP_FILE.read_text(encoding="ascii").splitlines():
        first, _, count = (int(word) for word in line.split())
        yield first, count


def _needed(settings: Settings) -> Iterator[Path]:
    """Yield what Terraform and the sandbox's provider must be able to open or to walk through."""
    yield settings.home_dir
    yield settings.work_dir if settings.work_root else settings.home_dir
    yield Path(sys.executable)
    yield Path(sys.prefix) / "lib"
    yield Path(sys.base_prefix) / "lib"
    yield REPOSITORY_ROOT / "sandbox" / "provider"
    if settings.provider_mirror is not None:
        yield settings.provider_mirror.absolute() / "registry"
    if settings.terraform:
        yield Path(settings.terraform).expanduser().absolute()


def _require_reach(path: Path, account: TerraformAccount) -> None:
    """Make sure that every folder on the way may be walked through."""
    for spelling in {path, path.resolve()}:
        for folder in spelling.parents:
            if folder.exists() and not _may_walk(folder.stat(), account):
                raise _NotPossibleError(
                    f"user {account.uid} may not walk through {folder}: `chmod o+x` it, keep "
                    "Landform and its home elsewhere, or give it CAP_SYS_ADMIN"
                )


def _may_walk(status: os.stat_result, account: TerraformAccount) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def open_to_account(folder: Path, account: TerraformAccount | None) -> None:
    """Let the account walk through ``folder``, which stays closed to everybody else.

    Without an account it is closed to all but its owner.

    Raises:
        OSError: the folder is not this user's.
    """
    if account is not None:
        os.chown(folder, -1, account.gid, follow_symlinks=False)
    folder.chmod(0o710 if account is not None else 0o700)


def _close_what_is_in(folder: Path) -> None:
    """Take every right of others away from the files and folders of this user in ``folder``."""
    for entry in os.scandir(folder):
        if entry.name in WALKED or entry.is_symlink():
            continue
        with suppress(FileNotFoundError):  # a log of the database, which has just been merged
            status = entry.stat(follow_symlinks=False)
            if status.st_uid == os.geteuid() and status.st_mode & OTHERS:
                Path(entry).chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)


def open_home(settings: Settings, account: TerraformAccount | None) -> None:
    """Close the home to everybody, and let the account walk to what is its own.

    A home that was made before, or by hand, may have been open to all.

    Raises:
        ConfigurationError: the home belongs to somebody else.
    """
    home = settings.home_dir
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (home, home / "sandbox"):
            if folder.is_dir():
                open_to_account(folder, account)
                _close_what_is_in(folder)
        if settings.work_dir.is_dir():
            open_to_account(settings.work_dir, account)
    except OSError as error:
        raise ConfigurationError(
            f"LANDFORM_HOME: the folders of {home} cannot be closed to others ({error.strerror}); "
            "give Landform's user a folder of its own."
        ) from error
