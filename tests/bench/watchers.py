"""Many who follow one operation: plain sockets in one thread, so that the client costs little."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

OPEN_SECONDS = 60.0
ARRIVE_SECONDS = 20.0


class Watchers:
    """So many event streams of one operation, open at once."""

    def __init__(self, port: int, path: str, header: str, count: int) -> None:
        """Connect all with a header that lets them in; each has received its first event."""
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Accept: text/event-stream\r\n{header}\r\n\r\n"
        ).encode()
        for _ in range(count):
            connected = socket.create_connection(("127.0.0.1", port), OPEN_SECONDS)
            connected.sendall(request)
            self._sockets.append(connected)
            self._selector.register(connected, selectors.EVENT_READ)
        self.arrivals(b"event: ", OPEN_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._selector.close()
        for connected in self._sockets:
            connected.close()

    def delays(self, tell: Callable[[str], None], mark: str) -> list[float]:
        """Have an event with the text ``mark`` written; return the seconds to each watcher."""
        tell(mark)
        written = time.perf_counter()
        return [moment - written for moment in self.arrivals(mark.encode(), ARRIVE_SECONDS)]

    def arrivals(self, mark: bytes, seconds: float) -> list[float]:
        """Return when each watcher received ``mark``."""
        found: dict[int, float] = {}
        received = {connected.fileno(): b"" for connected in self._sockets}
        deadline = time.perf_counter() + seconds
        while len(found) < len(self._sockets):
            assert time.perf_counter() < deadline, f"{len(found)} of {len(received)} have {mark!r}"
            for key, _ in self._selector.select(0.5):
                number = key.fd
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]  # all are sockets
                assert data, "a stream ended early"
                received[number] += data
                if mark in received[number]:
                    found.setdefault(number, time.perf_counter())
        return list(found.values())
