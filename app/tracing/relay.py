"""From the workers of a host to its agent: spans as datagrams on a unix socket, which never wait.

A work-horse has one thread, since the kernel interrupts Terraform once for each thread of a process
that dies, and it may be killed at any moment. So it exports nothing itself: it writes a datagram
that the kernel keeps. With nobody there, or with a full socket, spans are dropped.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from app.logs import get_logger
from app.tracing.context import TraceContext, parse_traceparent
from app.tracing.span import Span

MAX_DATAGRAM = 64 * 1024
MAX_KEPT = 500
_SPAN, _TERRAFORM = b"S", b"T"

log = get_logger(__name__)


class RelaySender:
    """Hands spans to the agent; what does not fit into the socket is tried again with the next."""

    def __init__(self, path: Path) -> None:
        """Send to the socket at ``path``, which need not be there."""
        self._path = str(path)
        self._kept: deque[bytes] = deque(maxlen=MAX_KEPT)
        self._socket: socket.socket | None = None

    def send(self, finished: Span) -> None:
        """Hand over a span."""
        self._add(_SPAN + json.dumps(finished.to_dict(), separators=(",", ":")).encode())

    def send_terraform(self, parent: TraceContext, body: bytes) -> None:
        """Hand over what Terraform exported (OTLP, protobuf), to be below ``parent``."""
        self._add(_TERRAFORM + parent.header().encode() + b"\n" + body)

    def close(self) -> None:
        """Send no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _add(self, datagram: bytes) -> None:
        if len(datagram) <= MAX_DATAGRAM:
            self._kept.append(datagram)
        try:
            while self._kept:
                self._open().sendto(self._kept[0], socket.MSG_DONTWAIT, self._path)
                self._kept.popleft()
        except BlockingIOError:
            return  # the agent is behind; the oldest are dropped once there are too many
        except OSError:
            self._kept.clear()  # nobody is there

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        return self._socket


class RelayReceiver(threading.Thread):
    """A thread of the agent that takes what the workers of its host hand over."""

    def __init__(
        self,
        path: Path,
        on_span: Callable[[Span], None],
        on_terraform: Callable[[TraceContext, bytes], None],
    ) -> None:
        """Prepare a thread that ends with the process.

        Args:
            path: where to listen; its folder is made, for this user alone.
            on_span: gets each span.
            on_terraform: gets what Terraform exported, and what it belongs below.
        """
        super().__init__(name="trace-relay", daemon=True)
        self._path, self._on_span, self._on_terraform = path, on_span, on_terraform

    def run(self) -> None:
        """Receive for ever."""
        try:
            receiver = self._listen()
        except OSError as error:
            log.warning("traces_not_relayed", path=str(self._path), error=str(error))
            return
        with receiver:
            while True:
                self._take(receiver.recv(MAX_DATAGRAM))

    def _listen(self) -> socket.socket:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        receiver.bind(str(self._path))
        self._path.chmod(0o600)
        return receiver

    def _take(self, datagram: bytes) -> None:
        """Pass on one datagram; one that cannot be read must not end the thread."""
        try:
            if datagram[:1] == _SPAN:
                self._on_span(Span.from_dict(json.loads(datagram[1:])))
            elif datagram[:1] == _TERRAFORM:
                header, _, body = datagram[1:].partition(b"\n")
                parent = parse_traceparent(header.decode("ascii"))
                if parent is not None:
                    self._on_terraform(parent, body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("span_not_read", error=type(error).__name__)
