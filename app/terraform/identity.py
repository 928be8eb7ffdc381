"""Which process is meant, so surely that a reused pid cannot be taken for it.

Owns the identity of a Terraform process and the signals sent by that identity, also from another
process than its parent (the reaper). A pid alone is reused; pid + start time + boot id + PID
namespace is not. A host name says nothing: names repeat, also among cloned machines.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.errors import UnavailableError

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE_LINK = Path("/proc/self/ns/pid")
DEAD_STATES = ("Z", "X", "x")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process.

    ``start_time`` is in clock ticks since boot (proc(5), field 22 of stat). ``host`` is for people.
    ``pid_namespace`` is that in which ``pid`` counts (pid_namespaces(7)); empty in what an earlier
    version recorded.
    """

    pid: int
    start_time: int
    boot_id: str
    pgid: int
    host: str
    pid_namespace: str = ""

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Describe the living process ``pid``.

        Raises:
            ProcessLookupError: there is no such process.
        """
        found = _read_stat(pid)
        if found is None:
            raise ProcessLookupError(pid)
        return cls(pid, found[1], boot_id(), os.getpgid(pid), socket.gethostname(), pid_namespace())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ProcessIdentity:
        """Rebuild what ``to_dict`` made."""
        return cls(
            pid=int(data["pid"]),
            start_time=int(data["start_time"]),
            boot_id=str(data["boot_id"]),
            pgid=int(data["pgid"]),
            host=str(data["host"]),
            pid_namespace=str(data.get("pid_namespace", "")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for SQL or JSON."""
        return asdict(self)

    @property
    def is_local(self) -> bool:
        """Whether this process can see it: same boot of the same kernel, same PID namespace."""
        return (self.boot_id, self.pid_namespace) == (boot_id(), pid_namespace())

    def is_alive(self) -> bool:
        """Whether exactly this process still runs; a zombie does not.

        Raises:
            UnavailableError: it belongs to another host or container, which alone can tell.
        """
        if not self.is_local:
            raise UnavailableError(
                f"Process {self.pid} was started on {self.host}, which is another host, another "
                "container or an earlier boot; nobody here can tell if it is alive."
            )
        found = _read_stat(self.pid)
        return found is not None and found[1] == self.start_time and found[0] not in DEAD_STATES

    def interrupt(self) -> bool:
        """Send SIGINT to the process alone, so that Terraform stops and writes its state.

        Returns:
            Whether it was alive and the signal was sent.
        """
        return self._send(signal.SIGINT)

    def kill(self) -> bool:
        """Send SIGKILL to the process alone, also to one that is stopped.

        Returns:
            Whether it was alive and the signal was sent.
        """
        return self._send(signal.SIGKILL)

    def kill_group(self) -> bool:
        """Send SIGKILL to the process and its group (providers, provisioners).

        Use it after ``interrupt`` and a grace period, or to remove what a dead Terraform left: its
        group id cannot be given to others while a member lives and no process has that pid.

        Returns:
            Whether there was something to kill.
        """
        if not self.is_local or (not self.is_alive() and _read_stat(self.pid) is not None):
            return False
        try:
            os.killpg(self.pgid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def _send(self, number: signal.Signals) -> bool:
        # A pidfd pins the process, so that it cannot be replaced between the look and the signal.
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True


def find_working_in(folder: Path) -> list[ProcessIdentity]:
    """Return the processes of this host whose working directory is ``folder``.

    Found without any record, so also a Terraform whose starter died before it could note one.
    """
    found: list[ProcessIdentity] = []
    try:
        wanted = folder.stat()
    except FileNotFoundError:
        return found
    for entry in Path("/proc").iterdir():
        # Gone meanwhile, a zombie, or another user's: none of them is a Terraform of ours.
        with suppress(OSError):
            # The folder itself, because a confined process may see it at another place.
            if entry.name.isdigit() and os.path.samestat((entry / "cwd").stat(), wanted):
                found.append(ProcessIdentity.of(int(entry.name)))
    return found


def boot_id() -> str:
    """Return the id that the kernel drew at this boot."""
    return BOOT_ID_FILE.read_text(encoding="ascii").strip()


def pid_namespace() -> str:
    """Return the name of the PID namespace of this process, such as ``pid:[4026531836]``."""
    return str(PID_NAMESPACE_LINK.readlink())


def _read_stat(pid: int) -> tuple[str, int] | None:
    """Return (state letter, start time) of ``pid``, or None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name stands in parentheses and may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])
