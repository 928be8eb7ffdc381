"""A socket that nobody may connect to, which knows who did."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Listener:
    """Listens on a free port of the loopback address and counts connections."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def provider(self) -> str:
        """The address of a provider that Terraform would fetch from here."""
        return f"localhost:{self.port}/evil/evil"

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()
