"""What a slow client is given: a request is gathered before a thread is spent on it, an answer is
left with the poller once the thread is done, and both have a deadline.

Owns the bytes of one connection. Knows nothing of threads and of what is served.
"""

from __future__ import annotations

import errno
import re
import select
import socket
import time
from dataclasses import dataclass
from typing import Any, Self

from werkzeug.exceptions import RequestTimeout

MAX_HEAD = 64 * 1024
"""A head that is longer is refused; gunicorn has limits of its own for each line."""
MAX_GATHERED = 1024 * 1024 + MAX_HEAD
"""All of a body that the API takes; a longer one, of a state, is read by its thread."""
MAX_LEFT = 1024 * 1024
"""So much of an answer may be left with the poller; what is more holds its thread."""
LEAST_BYTES_PER_SECOND = 16 * 1024
AT_ONCE = 256 * 1024
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
LAST_CHUNK = re.compile(rb"\r\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n\Z")
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class ReadPace:
    """How long a client may take, in seconds."""

    head: float
    body: float
    answer: float


class SlowClientError(RequestTimeout, TimeoutError):
    """A client took too long: 408 where it can still be told, else the end of the connection."""

    def __init__(self) -> None:
        super().__init__("The request did not arrive, or the answer was not taken, in time.")
        self.errno = errno.ECONNRESET  # what gunicorn passes over in silence


class Gathered:
    """The bytes of a request as far as they have arrived."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._head_ends = -1
        self._needed: int | None = None

    def add(self, data: bytes) -> None:
        """Take what has arrived."""
        searched = max(0, len(self.data) - len(HEAD_END))
        self.data += data
        if self._head_ends < 0:
            start = len(self.data) - len(self.data.lstrip(b"\r\n"))
            found = self.data.find(HEAD_END, max(searched, start))
            if found >= 0:
                self._head_ends = found + len(HEAD_END)
                self._read_head(bytes(self.data[: self._head_ends]))

    def _read_head(self, head: bytes) -> None:
        """Find out how much belongs to the request; gunicorn's parser decides what it means."""
        if CHUNKED.search(head):
            return
        length = LENGTH.search(head)
        body = int(length.group(1)) if length else 0
        self._needed = min(self._head_ends + body, MAX_GATHERED)

    @property
    def has_head(self) -> bool:
        """Whether the whole head has arrived."""
        return self._head_ends >= 0

    @property
    def waits_for_continue(self) -> bool:
        """Whether the client sends its body only when it is told to."""
        return self.has_head and EXPECTS.search(self.data, 0, self._head_ends) is not None

    @property
    def is_endless(self) -> bool:
        """Whether the head is longer than any that is taken."""
        return not self.has_head and len(self.data) >= MAX_HEAD

    @property
    def is_complete(self) -> bool:
        """Whether a thread can begin without waiting for this client."""
        if not self.has_head:
            return False
        if self._needed is not None:
            return len(self.data) >= self._needed
        is_long = len(self.data) >= MAX_GATHERED
        return is_long or LAST_CHUNK.search(self.data, self._head_ends - 2) is not None

    def take(self) -> bytes:
        """Return all bytes and begin anew."""
        data = bytes(self.data)
        self.__init__()  # type: ignore[misc]  # as new
        return data


class PacedSocket(socket.socket):
    """A connection on which nobody waits for longer than its pace allows."""

    pace = ReadPace(10, 60, 60)
    left: bytearray
    _read_by: float | None
    _behind_since: float | None
    _taken: int

    @classmethod
    def of(cls, accepted: socket.socket, pace: ReadPace) -> Self:
        """Take over a connection that was accepted."""
        made = cls(fileno=accepted.detach())
        made.pace, made.left = pace, bytearray()
        made._read_by = made._behind_since = None
        made._taken = 0
        return made

    def begin(self) -> None:
        """Let a thread have it: what is still to be read has to arrive in time."""
        self._read_by = time.monotonic() + self.pace.body

    def end(self) -> None:
        """Have it back from its thread."""
        self._read_by = None
        self.setblocking(False)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read; a thread does so until its deadline.

        Raises:
            SlowClientError: nothing came in time.
        """
        if self._read_by is None:
            return super().recv(size, flags)
        remaining = self._read_by - time.monotonic()
        if remaining <= 0:
            raise SlowClientError
        self.settimeout(remaining)
        try:
            data = super().recv(size, flags)
        except TimeoutError as error:
            raise SlowClientError from error
        self._read_by += len(data) / LEAST_BYTES_PER_SECOND
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send, or keep what the client does not take at once, as far as there is room.

        Raises:
            SlowClientError: the client has been behind for too long.
        """
        self.settimeout(None)
        for start in range(0, len(data), AT_ONCE):
            self.left += data[start : start + AT_ONCE]
            self.flush()
            while len(self.left) > MAX_LEFT:
                self._wait_until_taken()
        if self.seconds_left() <= 0:
            raise SlowClientError

    def flush(self) -> None:
        """Send as much of what is left as the client takes now."""
        try:
            while self.left:
                sent = super().send(memoryview(self.left)[:AT_ONCE], socket.MSG_DONTWAIT)
                del self.left[:sent]
                self._taken += sent
        except BlockingIOError:
            self._behind_since = self._behind_since or time.monotonic()
        else:
            self._behind_since, self._taken = None, 0

    def seconds_left(self) -> float:
        """Return how long the client may still take for what is left of an answer."""
        if self._behind_since is None:
            return self.pace.answer
        allowed = self.pace.answer + self._taken / LEAST_BYTES_PER_SECOND
        return self._behind_since + allowed - time.monotonic()

    def _wait_until_taken(self) -> None:
        remaining = self.seconds_left()
        if remaining <= 0:
            raise SlowClientError
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        poll.poll(remaining * 1000)
        self.flush()
