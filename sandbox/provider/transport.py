"""Owns the way of one request to the sandbox cloud and of its answer back.

Connections are kept, but only a read goes over one that was used before: it may have died
unnoticed, and then the read is sent again. All else gets a new one, so that it is never repeated.
Must not know resources.

Uses http.client: importing httpx would cost more than a whole plan call does (80 ms against 12 ms).
"""

from __future__ import annotations

import http.client
import select
import socket
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import NamedTuple
from urllib.parse import SplitResult

REQUEST_TIMEOUT_SECONDS = 90.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024
# As many as Terraform reads at once by default, and some that wait for a creation.
MAX_IDLE_CONNECTIONS = 16


class CloudUnreachableError(Exception):
    """No answer came.

    Parameters:
        reason: what the connection said.
        was_sent: the request may have reached the cloud and been carried out.
    """

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent


class _Request(NamedTuple):
    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]


class Transport:
    """Sends requests to one host, from any number of threads.

    Parameters:
        url: its scheme, host and port are used.
    """

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._is_closed = False

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Return status and content of the answer.

        Raises:
            CloudUnreachableError: there is none.
        """
        request = _Request(method, path, body, headers)
        try:
            kept = self._take() if method == "GET" else None
            if kept is not None:
                with suppress(ConnectionError):  # the cloud may have closed it at this moment
                    return self._exchange(kept, request)
            return self._exchange(self._connect(), request)
        except (OSError, http.client.HTTPException) as error:
            raise CloudUnreachableError(_explain(error), was_sent=True) from error

    def close(self) -> None:
        """Close the connections; those in use are closed as soon as they are not."""
        self._is_closed = True
        while (connection := self._pop()) is not None:
            connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, request: _Request
    ) -> tuple[int, bytes]:
        with ExitStack() as half:  # an answer read in part must not be left to others
            half.callback(connection.close)
            connection.request(*request)
            response = connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES + 1)
            if len(content) > MAX_ANSWER_BYTES:  # whatever answers here is no sandbox cloud
                raise http.client.HTTPException("the answer is too long")
            response.read()  # what ends an answer in chunks
            answer = response.status, content
            half.pop_all()
        self._keep(connection)
        return answer

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        if self._is_closed or len(self._idle) >= MAX_IDLE_CONNECTIONS:
            connection.close()
        elif connection.sock is not None:  # else the answer said that no other would follow
            self._idle.append(connection)

    def _take(self) -> http.client.HTTPConnection | None:
        """Return a kept connection on which nothing has arrived that nobody asked for."""
        while (connection := self._pop()) is not None and _has_arrived(connection.sock):
            connection.close()
        return connection

    def _pop(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> http.client.HTTPConnection:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=REQUEST_TIMEOUT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise CloudUnreachableError(_explain(error), was_sent=False) from error
        return connection


def _has_arrived(connected: socket.socket) -> bool:
    """Whether there is anything to read: the end of the connection, or a stray answer."""
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


def _explain(error: Exception) -> str:
    return str(error) or type(error).__name__
