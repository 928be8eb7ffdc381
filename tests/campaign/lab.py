"""The laboratory of a campaign on several hosts: namespaces that vanish with all that is in them.

The campaign runs again inside, as the machine that holds PostgreSQL, Redis, the sandbox cloud and
the bridge that its hosts are plugged into. Whatever it starts, mounts or plugs in is gone once its
first process ends, however that ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from app.config.settings import REPOSITORY_ROOT
from tests.namespaces import are_allowed

BRIDGE = "fleet"
NETWORK = "10.77.0"
SHARED_ADDRESS = f"{NETWORK}.1"
INSIDE = "--inside"
"""The argument that names the folder to the campaign inside."""

PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "mount")
SPACES = ("--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL")
# The shell takes the exit status of every process that loses its parent.
FIRST = ("sh", "-c", '"$@"; exit $?', "campaign")


@cache
def why_not() -> str:
    """Return why there can be no laboratory here; empty when there can be one."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"{', '.join(missing)} is not on this machine: install util-linux and iproute2"
    if os.geteuid() != 0 or not are_allowed():
        return "hosts are namespaces, which takes Linux and root"
    plug = f"ip link add {BRIDGE} type bridge && ip link add end0 type veth peer name end1"
    done = subprocess.run(
        ["unshare", *SPACES, "--", "sh", "-c", plug],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    told = " ".join(done.stderr.split())
    return f"networks of hosts cannot be made here: {told}" if done.returncode else ""


def run_inside(arguments: Sequence[str]) -> int:
    """Run the campaign with these arguments in a laboratory; return its exit status."""
    with tempfile.TemporaryDirectory(
        prefix="landform-campaign-", ignore_cleanup_errors=True
    ) as folder:
        command = ["setpriv", "--pdeathsig", "KILL", "--", "unshare", *SPACES, "--", *FIRST]
        command += [sys.executable, "-m", "tests.campaign", *arguments, INSIDE, folder]
        with subprocess.Popen(command, cwd=REPOSITORY_ROOT) as process:
            try:
                return process.wait()
            finally:
                process.kill()  # and the kernel kills what is inside


def lay_network() -> None:
    """Make the bridge that hosts are plugged into; this is where the shared services listen."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{SHARED_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def plug_in(pid: int, cable: str, address: str) -> None:
    """Give the network namespace of process ``pid`` an ``eth0``; ``cable`` names our end of it."""
    run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    run("ip", "link", "set", cable, "master", BRIDGE, "up")
    within = ("nsenter", "--target", str(pid), "--net", "--", "ip")
    run(*within, "link", "set", "eth0", "up")
    run(*within, "address", "add", f"{address}/24", "dev", "eth0")


def set_cable(cable: str, *, is_up: bool) -> None:
    """Pull a cable out or put it back: what is sent meanwhile is lost, and nobody is told."""
    run("ip", "link", "set", cable, "up" if is_up else "down")


def mount_disk(folder: Path, mebibytes: int) -> None:
    """Mount a small disk of its own at ``folder``."""
    folder.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "disk", str(folder))


def run(*command: str) -> None:
    """Run a program to its end.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
