"""Describes the provider process that a worker wants, and the messages by which it asks for one.

One line of JSON each way over a unix socket: the spec, the answer. The worker may then ask the lent
provider to read resources (``app.terraform.provider_reading``). If all went well it gives the
provider back with one line: ``RETURNED``, or ``CONFIGURED`` if Terraform has configured it. If the
connection closes without that line, something went wrong.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import UnavailableError

RETURNED = b"returned\n"
CONFIGURED = b"configured\n"
MAX_LINE_BYTES = 16 * 1024 * 1024
"""Of a line that asks for a reading. A state that needs more is read by Terraform itself."""

PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid; unix(7), SO_PEERCRED


@dataclass(frozen=True)
class ProviderSpec:
    """A provider process of one cloud account; two specifications share a process only when equal.

    Args:
        account: id of the cloud account, never shared with another one.
        executable: absolute path of the provider, as ``init`` installed it.
        arguments: make it serve many runs, and print its address.
        configuration: names what Terraform configures it with; see ``LeaseReply.is_configured``.
        environment: complete, with the credentials of the account.
    """

    account: str
    executable: str
    arguments: tuple[str, ...]
    configuration: str
    environment: Mapping[str, str] = field(repr=False)

    def supersedes(self, earlier: ProviderSpec) -> bool:
        """Whether it asks for the same with other credentials or another version."""
        same = (self.account, self.configuration) == (earlier.account, earlier.configuration)
        return same and self != earlier

    def line(self) -> bytes:
        """Return the spec as it travels."""
        words = {
            "account": self.account,
            "executable": self.executable,
            "arguments": self.arguments,
            "configuration": self.configuration,
            "environment": dict(self.environment),
        }
        return json.dumps(words).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> ProviderSpec:
        """Rebuild what ``line`` made.

        Raises:
            ValueError: it is no spec.
        """
        words = json.loads(line)
        if not isinstance(words, dict) or set(words) != {
            "account",
            "executable",
            "arguments",
            "configuration",
            "environment",
        }:
            raise ValueError("This is no specification of a provider.")
        environment, shapes = words["environment"], (dict, list)
        if (type(environment), type(words["arguments"])) != shapes:
            raise ValueError("The specification of a provider is incomplete.")
        texts = [words["account"], words["executable"], words["configuration"]]
        texts += words["arguments"]
        texts += [*environment.keys(), *environment.values()]
        if not all(isinstance(text, str) and "\0" not in text for text in texts):
            raise ValueError("A value of the provider's specification is not text, or holds a NUL.")
        if not words["executable"].startswith("/"):
            raise ValueError("The executable of a provider must be an absolute path.")
        return cls(
            account=words["account"],
            executable=words["executable"],
            arguments=tuple(words["arguments"]),
            configuration=words["configuration"],
            environment=environment,
        )


@dataclass(frozen=True)
class LeaseReply:
    """What the pool answers to a spec.

    Args:
        reattach: the value for ``TF_REATTACH_PROVIDERS``, or None when there is no provider.
        is_configured: Terraform has configured this process before, for an equal spec, so it can
            be asked about resources without Terraform.
    """

    reattach: str | None = None
    is_configured: bool = False

    def line(self) -> bytes:
        """Return the answer as it travels."""
        words = {"reattach": self.reattach, "is_configured": self.is_configured}
        return json.dumps(words).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> LeaseReply:
        """Rebuild what ``line`` made.

        Raises:
            ValueError: it is no answer.
        """
        words = json.loads(line)
        reattach = words.get("reattach", "") if isinstance(words, dict) else ""
        if reattach is not None and not (isinstance(reattach, str) and reattach):
            raise ValueError("This is no answer of the provider pool.")
        return cls(reattach, words.get("is_configured") is True)


def read_announcement(line: bytes) -> str | None:
    """Return the value for ``TF_REATTACH_PROVIDERS`` in a line that a provider printed, or None.

    Providers print it bare, or as ``TF_REATTACH_PROVIDERS='{…}'`` (go-plugin's debug mode).
    """
    start, end = line.find(b"{"), line.rfind(b"}")
    try:
        found = json.loads(line[start : end + 1]) if 0 <= start < end else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    is_whole = found and all(isinstance(item, dict) and "Addr" in item for item in found.values())
    return json.dumps(found) if is_whole else None


def socket_folders(reattach: str | None) -> list[Path]:
    """Return the folders of the sockets in a value for ``TF_REATTACH_PROVIDERS``."""
    found = json.loads(reattach) if reattach else {}
    addresses = (item.get("Addr", {}).get("String", "") for item in found.values())
    return [Path(address).parent for address in addresses if address.startswith("/")]


def require_own_peer(connection: socket.socket) -> None:
    """Make sure that the other end of a unix socket is a process of this user.

    Raises:
        UnavailableError: it is not; it must get no credentials.
    """
    size = PEER_CREDENTIALS.size
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    if PEER_CREDENTIALS.unpack(raw)[1] != os.getuid():
        raise UnavailableError("The other end of the socket belongs to another user.")
