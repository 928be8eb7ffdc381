"""Receives what Terraform itself exports of a trace, in the one thread that waits for Terraform.

Terraform sends each span as it ends and waits for the answer (OTLP over HTTP, up to ten seconds).
Sent to a collector, a slow one would slow every apply, and Terraform and its modules would know its
address and credentials. So Terraform sends to its own worker, which answers at once between two
looks at Terraform's output. With the worker gone the connection is refused, also at once.
"""

from __future__ import annotations

import secrets
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

MAX_BODY = 60 * 1024
MAX_HEAD = 8 * 1024
MAX_CONNECTIONS = 8
MAX_REQUESTS = 1000
"""A module may write what it likes; past this nobody listens any more."""

TIMEOUT_MILLISECONDS = 1000
_END_OF_HEAD = b"\r\n\r\n"


class SpanReceiver:
    """An OTLP endpoint on the loopback, for the Terraform of one operation."""

    def __init__(self, on_spans: Callable[[bytes], None]) -> None:
        """Listen; ``on_spans`` gets the body of each export."""
        self._on_spans = on_spans
        self._path = f"/{secrets.token_hex(16)}/v1/traces"
        self._selector = selectors.DefaultSelector()
        self._gathered: dict[socket.socket, bytearray] = {}
        self._left = MAX_REQUESTS
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._port: int = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ)

    def environment(self) -> dict[str, str]:
        """Return the variables with which Terraform exports to here."""
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{self._port}{self._path}",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": str(TIMEOUT_MILLISECONDS),
        }

    def pause(self, seconds: float) -> None:
        """Wait so long at most, and serve what comes meanwhile."""
        if self._listener is None:
            time.sleep(seconds)
            return
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._listener:
                self._accept(self._listener)
            elif isinstance(key.fileobj, socket.socket):
                self._read(key.fileobj)

    def close(self) -> None:
        """Listen no more."""
        for connection in list(self._gathered):
            self._drop(connection)
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
            self._selector.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        self._left -= 1
        if self._left < 0:
            connection.close()
            self.close()
        elif len(self._gathered) >= MAX_CONNECTIONS:
            connection.close()
        else:
            connection.setblocking(False)
            self._gathered[connection] = bytearray()
            self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        """Gather a request, and answer it once it is complete."""
        gathered = self._gathered[connection]
        try:
            part = connection.recv(MAX_BODY)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        gathered += part
        status = self._judge(gathered) if part else HTTPStatus.BAD_REQUEST
        if status is None:
            return
        answer = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: 0\r\n"
        with suppress(OSError):
            connection.send(f"{answer}Connection: close\r\n\r\n".encode())
        self._drop(connection)

    def _judge(self, gathered: bytearray) -> HTTPStatus | None:
        """Return the answer to what has arrived, or None while more must come."""
        head, end, body = bytes(gathered).partition(_END_OF_HEAD)
        if not end:
            return HTTPStatus.BAD_REQUEST if len(head) > MAX_HEAD else None
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): it for name, _, it in (row.partition(":") for row in lines)}
        length = fields.get("content-length", "").strip()
        if not first.startswith(f"POST {self._path} "):
            return HTTPStatus.NOT_FOUND
        if not (length.isascii() and length.isdigit() and int(length[:9]) <= MAX_BODY):
            return HTTPStatus.BAD_REQUEST
        if len(body) < int(length):
            return None
        self._on_spans(body[: int(length)])
        return HTTPStatus.OK

    def _drop(self, connection: socket.socket) -> None:
        del self._gathered[connection]
        self._selector.unregister(connection)
        connection.close()
