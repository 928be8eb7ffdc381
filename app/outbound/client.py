"""Send one HTTP request to a server that may be hostile, and read a bounded answer.

The name is resolved once, every address that DNS answers is judged, and the connection is made to
one of those very addresses, with the name in ``Host`` and in TLS: what DNS says a moment later does
not matter. Whoever chose the name is not told what it leads to inside, nor whether it is known
there: the log is. Redirects are not followed, proxies of the environment not used, and nothing is
decompressed. Time and bytes are bounded, however slowly a server answers. It knows nothing of what
is sent, and nothing of SQL.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.addresses import Network, refusal_of
from app.domain.webhook_target import Target, parse_target
from app.logs import get_logger

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
MAX_ADDRESSES = 3
MAX_BYTES = 4 * 1024 * 1024

log = get_logger(__name__)

Resolve = Callable[[str, int], Sequence[str]]


class OutboundError(Exception):
    """There is no whole answer; the message is for people."""


class RefusedError(OutboundError):
    """Nothing was sent: the URL, or an address that its name leads to, is not allowed."""


@dataclass(frozen=True)
class Received:
    """The answer of a server; ``is_cut`` when it had more bytes than were wanted."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    is_cut: bool = False


def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host name, as the system resolves it.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


@dataclass(frozen=True)
class OutboundClient:
    """Sends requests to servers that somebody else chose.

    Args:
        allowed: networks to which requests may go although they are not public.
        resolve: gives the addresses of a name.
        answer_seconds: how long a connection may last in all.
        max_bytes: how much of an answer is read.
    """

    allowed: Sequence[Network] = ()
    resolve: Resolve = field(default=resolve_name, repr=False)
    answer_seconds: float = ANSWER_SECONDS
    max_bytes: int = MAX_BYTES

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Received:
        """Send one request and return the answer, whatever its status.

        Raises:
            RefusedError: the URL or an address is not allowed.
            OutboundError: no whole answer came in time.
        """
        started = time.monotonic()
        target = self._parse(url)
        try:
            connection = self._connect(target, self.checked_addresses(target))
            return self._exchange(connection, target, method, headers, body)
        except (OSError, http.client.HTTPException) as error:
            raise OutboundError(self._describe(error, started)) from error
        except ValueError as error:  # a header; TLS has errors that are a ValueError and an OSError
            raise OutboundError(str(error)) from error

    def judge(self, url: str) -> None:
        """Find out whether a request to ``url`` would be sent now; nothing is sent.

        Raises:
            RefusedError: the URL or an address is not allowed.
            OutboundError: the name has no address.
        """
        self.checked_addresses(self._parse(url))

    def _parse(self, url: str) -> Target:
        try:
            return parse_target(url, self.allowed)
        except ValueError as error:
            raise RefusedError(str(error)) from error

    def checked_addresses(self, target: Target) -> Sequence[str]:
        """Resolve the host; one forbidden address among several is reason enough to refuse.

        Raises:
            RefusedError: an address is not allowed.
            OutboundError: there is none.
        """
        try:
            addresses = self.resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise OutboundError(_leads_nowhere(target)) from error
        for address in addresses:
            reason = refusal_of(address, self.allowed)
            if reason is not None:
                log.warning("address_refused", host=target.host, address=address, reason=reason)
                raise RefusedError(_leads_nowhere(target))
        if not addresses:
            raise OutboundError(_leads_nowhere(target))
        return addresses[:MAX_ADDRESSES]

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What certificates are checked with; reading it takes longer than a request."""
        return ssl.create_default_context()

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
        raise failure or OutboundError(_leads_nowhere(target))

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        target: Target,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Received:
        """Send the request and read the answer, all before the deadline."""
        is_late = threading.Event()
        guard = threading.Timer(self.answer_seconds, _cut_off, [connection, is_late])
        guard.daemon = True
        guard.start()
        try:
            connection.sock.settimeout(self.answer_seconds)
            if target.is_encrypted:
                connection.sock = self._tls.wrap_socket(
                    connection.sock, server_hostname=target.host, do_handshake_on_connect=False
                )
                connection.sock.do_handshake()
            named = {"Host": host_header(target), "Connection": "close"}
            connection.request(method, target.path, body, {**named, **headers})
            with connection.getresponse() as answer:
                if is_late.is_set():  # the end of headers that were cut off looks like any other
                    raise TimeoutError
                content = answer.read(self.max_bytes + 1)
            is_cut = len(content) > self.max_bytes or is_late.is_set()
            return Received(
                answer.status, dict(answer.headers.items()), content[: self.max_bytes], is_cut
            )
        finally:
            guard.cancel()
            connection.close()

    def _describe(self, error: Exception, started: float) -> str:
        is_late = time.monotonic() - started >= self.answer_seconds
        if is_late or isinstance(error, TimeoutError):
            return f"No whole answer within {self.answer_seconds:g} seconds."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The certificate is not valid: {error.verify_message}."
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {error.reason}."
        if isinstance(error, ConnectionRefusedError):
            return "The connection was refused."
        if isinstance(error, http.client.HTTPException):
            return f"The answer is no HTTP ({type(error).__name__})."
        return f"The connection failed: {getattr(error, 'strerror', None) or type(error).__name__}."


def _leads_nowhere(target: Target) -> str:
    """Say the same of a name that is not known and of one that leads inside."""
    return f"Nothing is sent to {target.host}: it has no address to which this Landform sends."


def host_header(target: Target) -> str:
    """Return the value of ``Host`` for a request to ``target``."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    default = 443 if target.is_encrypted else 80
    return host if target.port == default else f"{host}:{target.port}"


def _cut_off(connection: http.client.HTTPConnection, is_late: threading.Event) -> None:
    """End a connection whose time is over, so that the thread that waits for it goes on."""
    is_late.set()
    if connection.sock is not None:
        with suppress(OSError):
            # Not the method of a TLS socket, which would first say goodbye.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
