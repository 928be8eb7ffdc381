"""Carries a message to a webhook over HTTP: one request, to an address that was checked.

The name is resolved once, every address that DNS answers is judged, and the connection is made to
one of those very addresses, with the name in ``Host`` and in TLS: what DNS says a moment later does
not matter. Redirects are not followed. Time and bytes are bounded, however slowly a server answers.
It knows nothing of signatures, attempts or SQL.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.domain.addresses import Network, refusal_of
from app.domain.webhook_target import Target, parse_target

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
MAX_ADDRESSES = 3
MAX_EXCERPT_BYTES = 500
USER_AGENT = "Landform-Webhooks/1"

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """How one attempt went: the answer, or in ``error`` why there is none."""

    status: int | None
    excerpt: str
    duration_ms: int
    error: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


class UnreachableError(Exception):
    """Nothing may be, or could be, sent; the message is for people."""


def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host name, as the system resolves it.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class Courier:
    """Sends to webhooks.

    Args:
        allowed: networks to which messages may go although they are not public.
        resolve: gives the addresses of a name.
        answer_seconds: how long a connection may last in all.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        resolve: Resolve = resolve_name,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._answer_seconds = answer_seconds
        self._tls = ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one message; whatever goes wrong is told in the answer."""
        started = time.monotonic()
        try:
            target = parse_target(url, self._allowed)
            connection = self._connect(target, self._checked_addresses(target))
            status, excerpt = self._exchange(connection, target, headers, body)
        except UnreachableError as error:
            return Answer(None, "", _milliseconds(started), str(error))
        except (OSError, http.client.HTTPException) as error:
            return Answer(None, "", _milliseconds(started), self._describe(error, started))
        except ValueError as error:  # the URL; TLS has errors that are a ValueError and an OSError
            return Answer(None, "", _milliseconds(started), str(error))
        return Answer(status, excerpt, _milliseconds(started))

    def _checked_addresses(self, target: Target) -> Sequence[str]:
        """Resolve the host; one forbidden address among several is reason enough to refuse."""
        try:
            addresses = self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise UnreachableError(f"{target.host} has no address.") from error
        for address in addresses:
            reason = refusal_of(address, self._allowed)
            if reason is not None:
                raise UnreachableError(
                    f"Nothing is sent to {target.host}: it leads to {address}, {reason}."
                )
        if not addresses:
            raise UnreachableError(f"{target.host} has no address.")
        return addresses[:MAX_ADDRESSES]

    def _connect(self, target: Target, addresses: Sequence[str]) -> http.client.HTTPConnection:
        failure: OSError | None = None
        for address in addresses:
            try:
                plain = socket.create_connection((address, target.port), CONNECT_SECONDS)
            except OSError as error:
                failure = error
                continue
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = plain
            return connection
        raise failure or UnreachableError(f"{target.host} has no address.")

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[int, str]:
        """Send the request and read the beginning of the answer, all before the deadline."""
        is_late = threading.Event()
        guard = threading.Timer(self._answer_seconds, _cut_off, [connection, is_late])
        guard.daemon = True
        guard.start()
        try:
            connection.sock.settimeout(self._answer_seconds)
            if target.is_encrypted:
                connection.sock = self._tls.wrap_socket(
                    connection.sock, server_hostname=target.host, do_handshake_on_connect=False
                )
                connection.sock.do_handshake()
            named = {"Host": _host_header(target), "User-Agent": USER_AGENT, "Connection": "close"}
            connection.request("POST", target.path, body, {**named, **headers})
            answer = connection.getresponse()
            if is_late.is_set():  # the end of headers that were cut off looks like any other
                raise TimeoutError
            return answer.status, _readable(answer.read(MAX_EXCERPT_BYTES))
        finally:
            guard.cancel()
            connection.close()

    def _describe(self, error: Exception, started: float) -> str:
        is_late = time.monotonic() - started >= self._answer_seconds
        if is_late or isinstance(error, TimeoutError):
            return f"No whole answer within {self._answer_seconds:g} seconds."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The certificate is not valid: {error.verify_message}."
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {error.reason}."
        if isinstance(error, ConnectionRefusedError):
            return "The connection was refused."
        if isinstance(error, http.client.HTTPException):
            return f"The answer is no HTTP ({type(error).__name__})."
        return f"The connection failed: {getattr(error, 'strerror', None) or type(error).__name__}."


def _cut_off(connection: http.client.HTTPConnection, is_late: threading.Event) -> None:
    """End a connection whose time is over, so that the thread that waits for it goes on."""
    is_late.set()
    if connection.sock is not None:
        with suppress(OSError):
            # Not the method of a TLS socket, which would first say goodbye.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    default = 443 if target.is_encrypted else 80
    return host if target.port == default else f"{host}:{target.port}"


def _readable(data: bytes) -> str:
    text = data.decode(errors="replace")
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
