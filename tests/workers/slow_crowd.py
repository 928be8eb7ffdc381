"""Clients that take their time, very many at once, from one thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Self

HOST = "Host: localhost\r\n"


class Way(StrEnum):
    """How a client is slow."""

    HEAD = "a byte of the head at a time"
    BODY = "a byte of the body at a time"
    CHUNKS = "a byte of a chunk at a time"
    CONTINUE = "waits for 100 and then sends a byte at a time"
    SILENT = "sends nothing"
    READER = "asks for much and takes nothing"
    LINGERER = "does not close after its answer"
    IDLE = "keeps its connection and says nothing more"


LOGIN = f"POST /api/v1/auth/login HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
FIRST = {
    Way.HEAD: "GET /healthz HTTP/1.1\r\n",
    Way.BODY: f"{LOGIN}Content-Length: 1000\r\n\r\n{{",
    Way.CHUNKS: f"{LOGIN}Transfer-Encoding: chunked\r\n\r\n3e8\r\n{{",
    Way.CONTINUE: f"{LOGIN}Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
    Way.SILENT: "",
    Way.READER: f"GET /api/v1/openapi.json HTTP/1.1\r\n{HOST}\r\n" * 8,
    Way.LINGERER: f"GET /healthz HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n",
    Way.IDLE: f"GET /healthz HTTP/1.1\r\n{HOST}\r\n",
}
TRICKLES = (Way.HEAD, Way.BODY, Way.CHUNKS, Way.CONTINUE)


class SlowCrowd:
    """``count`` connections that are slow in one way until the block ends.

    Who is dropped comes back, as an attacker would, until ``stay_away``.
    """

    def __init__(self, port: int, way: Way, count: int, pause_seconds: float) -> None:
        self._port, self._way, self._count, self._pause = port, way, count, pause_seconds
        self._stopped, self._stays_away = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self.sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._trickle)

    def __enter__(self) -> Self:
        self.sockets = [self._connect() for _ in range(self._count)]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        for client in self.sockets:
            client.close()

    def stay_away(self) -> None:
        """Let nobody come back from now on."""
        with self._lock:
            self._stays_away.set()

    def dropped(self) -> int:
        """Return how many the server has closed."""
        return sum(map(is_closed, self.sockets))

    def _connect(self) -> socket.socket:
        client = socket.socket()
        client.settimeout(10)
        try:
            if self._way is Way.READER:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self._port))
            client.sendall(FIRST[self._way].encode())
        except OSError:
            client.close()
            raise
        client.setblocking(False)
        return client

    def _trickle(self) -> None:
        while not self._stopped.wait(self._pause):
            with self._lock:
                if not self._stays_away.is_set():
                    self._come_back()
            if self._way in TRICKLES:
                for client in self.sockets:
                    ignoring_errors(client.send, b"x")

    def _come_back(self) -> None:
        for place, client in enumerate(self.sockets):
            if is_closed(client):
                with suppress(OSError):
                    self.sockets[place] = self._connect()
                    client.close()


def is_closed(client: socket.socket) -> bool:
    """Tell whether the server has closed a connection, whatever it said before."""
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def ignoring_errors(send: Callable[[bytes], int], data: bytes) -> None:
    """Send what the server may not want any more."""
    try:
        send(data)
    except OSError:
        return
