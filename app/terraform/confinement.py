"""What a Terraform or provider process may see of the machine: its run directory and programs.

Owns the list of paths; the launcher enforces it with Landlock (landlock(7)), where the kernel has
it, and changes the user first, where this process may (``app.terraform_account``). Without either
only the file modes of the machine protect, which ``docs/security.md`` says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import Settings
from app.terraform_account import TerraformAccount

PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
# Names, addresses and certificates; never the whole of /etc, which holds secrets of the host.
CONFIGURATION = (
    *("alternatives", "ca-certificates", "crypto-policies", "gai.conf", "group", "host.conf"),
    *("hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types"),
    *("nsswitch.conf", "os-release", "passwd", "pki", "protocols", "resolv.conf", "services"),
    *("ssl/certs", "ssl/openssl.cnf", "timezone"),
)
# What the runtimes of Go and Python ask about processors and memory; nothing of any process.
KERNEL = (
    *("/proc/cpuinfo", "/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/uptime"),
    *("/proc/sys", "/proc/version", "/sys/devices/system/cpu", "/sys/fs/cgroup"),
    "/sys/kernel/mm/transparent_hugepage",
)
# A link in the mirror, which ``sandbox.provider.install`` makes; it leads out of the mirror.
SANDBOX_CODE = Path("sandbox-provider", "sandbox")
DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))


@dataclass(frozen=True)
class Confinement:
    """Limits of one process; the default keeps the user and every file.

    Args:
        account: as whom it runs; None for Landform's own user.
        readable: what it may read and execute, or None for everything.
        writable: what it may change.
    """

    account: TerraformAccount | None = None
    readable: tuple[Path, ...] | None = None
    writable: tuple[Path, ...] = ()

    def word(self) -> str:
        """Return it as the launcher reads it."""
        words: dict[str, object] = {}
        if self.account is not None:
            words |= {"uid": self.account.uid, "gid": self.account.gid}
        if self.readable is not None:
            words["read"] = [str(path) for path in self.readable]
            words["write"] = [str(path) for path in self.writable]
        return json.dumps(words, separators=(",", ":"))


UNCONFINED = Confinement()


def confine(
    settings: Settings,
    account: TerraformAccount | None,
    writable: Iterable[Path],
    programs: Iterable[Path] = (),
) -> Confinement:
    """Return the confinement of a process that works in the folders ``writable``.

    Args:
        settings: where providers are installed from, and what the operator adds.
        account: as whom it runs.
        writable: its own folders.
        programs: Terraform or a provider, as a file or a folder.
    """
    readable = [
        *map(Path, PROGRAMS),
        *(Path("/etc") / name for name in CONFIGURATION),
        *map(Path, KERNEL),
        Path(sys.prefix),
        Path(sys.base_prefix),
        settings.sandbox_mirror,
        settings.sandbox_mirror / SANDBOX_CODE,
        *([settings.provider_mirror.absolute()] if settings.provider_mirror else []),
        *settings.readable_paths,
        *programs,
    ]
    return Confinement(account, tuple(readable), (*map(Path, DEVICES), *writable))
