"""Ports for the servers that tests start.

A port that is free when it is looked at may be taken before the server binds it: by a client, to
which the kernel gives any port of its own range, or by another process of pytest. So they come from
below that range, and each process of pytest has a part of its own.
"""

from __future__ import annotations

import itertools
import os
import random
import socket

FIRST_PORT = 20_000
PART = 1_000
PARTS = 12

_steps = itertools.count(random.randrange(PART))


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = FIRST_PORT + int(worker) % PARTS * PART
    for step in itertools.islice(_steps, PART):
        port = first + step % PART
        with socket.socket() as probe:
            # As servers do: what a former one has left in TIME_WAIT is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No port from {first} to {first + PART - 1} is free.")
